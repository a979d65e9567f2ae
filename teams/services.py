"""Change who belongs to an account."""

from accounts.models import Account, User
from teams.models import Membership
from teams.roles import Role


def enrol_owner(*, account: Account, user: User) -> Membership:
    """Make the user the owner of a new account; the caller owns the transaction and the event."""
    return Membership.objects.create(account=account, user=user, role=Role.OWNER)
