"""Change who belongs to an account, and with which role."""

from teams.links import InvitationRefused
from teams.services.errors import (
    AlreadyMember,
    InvitationFull,
    NoSuchInvitation,
    NoSuchMember,
    NotYours,
    OwnerStays,
    PlanNeeded,
    RaisedOnly,
)
from teams.services.invitations import (
    accept_invitation,
    ask_again,
    invite_member,
    resend_invitation,
    revoke_invitation,
)
from teams.services.joining import sign_up_invited
from teams.services.members import (
    change_end,
    change_role,
    end_sessions_of,
    lower_member,
    note_role_seen,
    raise_member,
    remove_member,
)
from teams.services.ownership import enrol_owner, transfer_ownership
from teams.services.provisioning import change_invited_role, enrol_member, restore_member, suspend_member
from teams.services.reviews import NoReview, finish_review, open_reviews
from teams.services.roster import export_roster
from teams.services.sweeping import sweep_ends

__all__ = [
    "AlreadyMember",
    "InvitationFull",
    "InvitationRefused",
    "NoReview",
    "NoSuchInvitation",
    "NoSuchMember",
    "NotYours",
    "OwnerStays",
    "PlanNeeded",
    "RaisedOnly",
    "accept_invitation",
    "ask_again",
    "change_end",
    "change_invited_role",
    "change_role",
    "end_sessions_of",
    "enrol_member",
    "enrol_owner",
    "export_roster",
    "finish_review",
    "invite_member",
    "lower_member",
    "note_role_seen",
    "open_reviews",
    "raise_member",
    "remove_member",
    "resend_invitation",
    "restore_member",
    "revoke_invitation",
    "sign_up_invited",
    "suspend_member",
    "sweep_ends",
    "transfer_ownership",
]
