"""Look up Auth Tokens: for the page that lists them, and for each call to the HTTP API."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.models import Account, ApiIdentity, Credential
from console.core import crypto
from console.core.access import Actor
from console.core.api import Caller
from console.core.permissions import Permission
from console.core.requests import Origin

PAGE_SIZE = 20
_SUBACCOUNT_RIGHTS = frozenset({Permission.RESOURCE_MANAGE, Permission.PRICING_VIEW})


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token with its state: live, retiring, ended or revoked."""

    token: Credential
    state: str


@dataclass(frozen=True, slots=True)
class TokenPage:
    """Some tokens of an account, live ones first, and whether older ones follow."""

    rows: list[TokenRow]
    number: int
    has_more: bool

    @property
    def earlier_url(self) -> str:
        """Lead to older tokens, if there are any."""
        return f"?page={self.number + 1}" if self.has_more else ""

    @property
    def later_url(self) -> str:
        """Lead to newer tokens, if there are any."""
        return f"?page={self.number - 1}" if self.number > 1 else ""


def find_caller(*, auth_id: str, token: str, origin: Origin, now: datetime) -> Caller | None:
    """Return who calls with these credentials, or None whatever is wrong with them.

    The row is found by the digest of the token, so unknown and known Auth IDs take the same path.
    """
    rows = Credential.objects.filter(digest=crypto.token_digest(token), ended_at=None)
    credential = next(iter(rows.select_related("identity__account")[:1]), None)
    if credential is None:
        return None
    identity = credential.identity
    is_same = crypto.same(identity.auth_id.encode(), auth_id.encode())
    if not (is_same and credential.is_live(now) and identity.is_enabled and identity.account.is_active):
        return None
    return _caller(credential, origin)


def _caller(credential: Credential, origin: Origin) -> Caller:
    identity = credential.identity
    is_main = identity.kind == ApiIdentity.Kind.ACCOUNT
    rights = frozenset(Permission) if is_main else _SUBACCOUNT_RIGHTS
    actor = Actor(account=identity.account, rights=rights, kind="api", origin=origin)
    return Caller(identity.auth_id, identity.account, credential.pk, is_main, actor)


def live_tokens_of(account: Account, *, now: datetime) -> list[Credential]:
    """Return the live primary tokens of the account itself, newest first."""
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    return list(_primary_tokens(account).filter(live, ended_at=None).order_by("-made_at", "-id"))


def _primary_tokens(account: Account) -> QuerySet[Credential]:
    return Credential.objects.filter(
        identity__account=account, identity__kind=ApiIdentity.Kind.ACCOUNT, kind=Credential.Kind.PRIMARY
    )


def token_page(account: Account, *, number: int, now: datetime) -> TokenPage:
    """Return one page of the account's primary tokens: live ones, then ended ones, newest first."""
    rows = _primary_tokens(account).select_related("made_by")
    rows = rows.order_by(F("ended_at").desc(nulls_first=True), "-made_at", "-id")
    start = (number - 1) * PAGE_SIZE
    found = list(rows[start : start + PAGE_SIZE + 1])
    shown = [TokenRow(row, state_of(row, now=now)) for row in found[:PAGE_SIZE]]
    return TokenPage(shown, number, has_more=len(found) > PAGE_SIZE)


def state_of(token: Credential, *, now: datetime) -> str:
    """Say whether the token is live, retiring, ended when it was due, or revoked."""
    if token.is_live(now):
        return "retiring" if token.ends_at else "live"
    return "revoked" if token.ended_at and token.ended_at != token.ends_at else "ended"


def find_token(account: Account, public_id: UUID) -> Credential | None:
    """Return one primary token of the account."""
    return _primary_tokens(account).select_related("made_by").filter(public_id=public_id).first()
