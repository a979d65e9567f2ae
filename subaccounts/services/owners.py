"""Find who a resource belongs to, and keep changes of one account's resources in line."""

from accounts.models import Account
from console.core.access import AccessRefused, Actor
from console.core.permissions import Permission
from subaccounts.application_rules import ResourceRefused
from subaccounts.models import Subaccount


def hold_resources(actor: Actor) -> None:
    """Let one change of the account's resources go at a time, until the transaction ends.

    The row stays open to those that only refer to it: usage, sessions, events.
    """
    Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)


def find_owner(actor: Actor, auth_id: str) -> Subaccount | None:
    """Return the subaccount that is named, held until the transaction ends; None stands for the account itself.

    The credentials of a subaccount name no other owner, and naming nobody they mean themselves.

    :raises ResourceRefused: if there is no such subaccount
    :raises AccessRefused: if the actor's credentials are another subaccount's
    """
    # No stronger than needed: usage that is charged while it is held still refers to the row.
    rows = Subaccount.objects.of(actor.account).filter(deleted_at=None).select_for_update(no_key=True)
    if actor.subaccount_id is not None:
        own: Subaccount | None = rows.filter(pk=actor.subaccount_id).first()
        if own is None or auth_id not in {"", own.auth_id, actor.account.auth_id}:
            raise AccessRefused(Permission.SUBACCOUNT_MANAGE)
        return own
    if auth_id in {"", actor.account.auth_id}:
        return None
    found: Subaccount | None = rows.filter(auth_id=auth_id).first()
    if found is None:
        raise ResourceRefused("There is no such subaccount.", code="unknown_subaccount", field="subaccount")
    return found


def owner_name(subaccount: Subaccount | None) -> str:
    """Name the owner in an event."""
    return subaccount.auth_id if subaccount else "main account"
