"""Name what a person can do wrong with a team."""

from console.core.errors import DomainError


class NoSuchMember(DomainError):
    """The account has no such member."""

    code = "not_found"


class NoSuchInvitation(DomainError):
    """The account has no such open invitation."""

    code = "not_found"


class OwnerStays(DomainError):
    """The owner is set at sign-up; nobody in the console changes, removes or demotes the owner."""

    code = "owner_stays"


class RaisedOnly(DomainError):
    """A member who is Admin for a while does not change the team: that would outlast the while."""

    code = "raised_only"


class PlanNeeded(DomainError):
    """The account has no plan that includes a team."""

    code = "plan_needed"


class AlreadyMember(DomainError):
    """The address belongs to a member of the account."""

    code = "already_member"
    field = "email"


class InvitationFull(DomainError):
    """The account has as many open invitations as it may."""

    code = "invitations_full"


class NotYours(DomainError):
    """The invitation is for another address than the person's."""

    code = "other_address"
