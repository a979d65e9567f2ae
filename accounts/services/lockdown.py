"""Hold an account's tokens, end sessions of its members, and have them prove themselves once more."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import F, Value
from django.db.models.functions import Greatest

from accounts.models import Account, ApiIdentity, Credential, Session, User
from console.core.access import Actor
from console.core.errors import DomainError


class TokensHeld(DomainError):
    """The account is locked down, and no token may be made yet."""

    code = "tokens_held"


def refuse_held(account: Account) -> None:
    """Refuse to make a token while the account is locked down; the caller has locked the identity.

    :raises TokensHeld: until the step of the way back that lets tokens be made again
    """
    if Account.objects.filter(pk=account.pk).exclude(tokens_held_at=None).exists():
        raise TokensHeld("The account is locked down. Let tokens be made again on the page of the lock-down.")


def mark_locked(account: Account, *, now: datetime) -> None:
    """Say on the account's own row that it is locked down and makes no tokens."""
    account.locked_down_at = account.tokens_held_at = now
    account.save(update_fields=["locked_down_at", "tokens_held_at"])


def mark_tokens_free(account: Account) -> None:
    """Let tokens be made again."""
    account.tokens_held_at = None
    account.save(update_fields=["tokens_held_at"])


def mark_reopened(account: Account) -> None:
    """Say that the account is open again."""
    account.locked_down_at = account.tokens_held_at = None
    account.save(update_fields=["locked_down_at", "tokens_held_at"])


def live_tokens(account: Account, *, now: datetime) -> list[Credential]:
    """Return every live token of the account and its subaccounts, oldest first."""
    rows = Credential.objects.filter(identity__account=account, ended_at=None).order_by("made_at", "id")
    return [token for token in rows if token.is_live(now)]


def revoke_tokens(account: Account, actor: Actor, now: datetime) -> int:
    """Stop every token of the account and its subaccounts, named ones included; a step of the lock-down."""
    # The identities are what making and revoking a token locks.
    list(ApiIdentity.objects.select_for_update().filter(account=account).order_by("pk"))
    ids = [token.pk for token in live_tokens(account, now=now)]
    return Credential.objects.filter(pk__in=ids).update(ended_at=Greatest(Value(now), F("made_at")))


def ask_again(user_ids: Collection[int], *, now: datetime) -> int:
    """Have the people prove themselves once more at their next sign-in."""
    # One order for everybody who locks several people. Signing in locks the same rows.
    list(User.objects.select_for_update(no_key=True).filter(pk__in=user_ids).order_by("pk"))
    return User.objects.filter(pk__in=user_ids).update(reverify_since=now)


def end_sessions_of(user_ids: Collection[int], *, keep: Session | None) -> int:
    """End every session of the people but one, and return how many ended."""
    rows = Session.objects.filter(user_id__in=user_ids)
    if keep is not None:
        rows = rows.exclude(public_id=keep.public_id)
    return rows.delete()[0]
