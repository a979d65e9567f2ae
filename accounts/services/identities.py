"""Open and close the identities that subaccounts call the HTTP API with."""

from datetime import datetime
from uuid import UUID

from accounts.models import ApiIdentity, Credential
from accounts.models.tenants import new_auth_id
from accounts.services.credentials import MadeToken, make_primary
from accounts.services.lockdown import refuse_held
from accounts.services.named_tokens import lock_identity
from console.core.access import Actor
from console.core.permissions import Permission


def open_identity(*, actor: Actor, is_enabled: bool, public_id: UUID, now: datetime) -> MadeToken:
    """Make an identity with its first Auth Token, in the caller's transaction, which records what it is for.

    ``public_id`` names the token; when there is one already, nothing is made and no secret returned.

    :raises TokensHeld: while the account is locked down
    """
    actor.require(Permission.SUBACCOUNT_MANAGE)
    # One at a time for an account: callers count under this lock, and a lock-down waits for it.
    account = lock_identity(actor.account).account
    refuse_held(account)
    if made := Credential.objects.filter(public_id=public_id, identity__account=account).first():
        return MadeToken(made, "")
    identity = ApiIdentity.objects.create(
        auth_id=new_auth_id("SA"),
        account=account,
        kind=ApiIdentity.Kind.SUBACCOUNT,
        is_enabled=is_enabled,
        created_at=now,
    )
    return MadeToken(*make_primary(identity, public_id, [], made_by=actor.user, now=now))


def switch_identity(identity: ApiIdentity, *, is_enabled: bool) -> bool:
    """Let the identity call, or refuse its calls from the next one on; return whether that is a change."""
    rows = ApiIdentity.objects.filter(pk=identity.pk).exclude(is_enabled=is_enabled)
    identity.is_enabled = is_enabled
    return bool(rows.update(is_enabled=is_enabled))


def close_identity(identity: ApiIdentity, *, now: datetime) -> list[Credential]:
    """Refuse the identity's calls for good, and return the Auth Tokens that this stopped."""
    locked = ApiIdentity.objects.select_for_update().get(pk=identity.pk)
    switch_identity(locked, is_enabled=False)
    live = [token for token in locked.credentials.filter(ended_at=None) if token.is_live(now)]
    for token in live:
        token.ended_at = max(now, token.made_at)
        token.save(update_fields=["ended_at"])
    return live
