"""Look up Auth Tokens: for the page that lists them, and for each call to the HTTP API."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils.module_loading import import_string

from accounts.models import Account, ApiIdentity, Credential
from console.core import crypto
from console.core.access import Actor
from console.core.api import Caller
from console.core.permissions import Permission, Scope
from console.core.requests import Origin

PAGE_SIZE = 20
_FROZEN = (
    "the account's plan has ended: this token reads, and changes nothing until the owner renews the plan"
)
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
    def live(self) -> list[Credential]:
        """Return the tokens that open the account, newest first; the first page has all of them."""
        return [row.token for row in self.rows if row.state in {"live", "retiring"}]

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
    values = {"digest": crypto.token_digest(token), "ip": origin.ip, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_caller_query(), values)
        found = cursor.fetchone()
    if found is None:
        return None
    credential_id, ends_at, permissions, is_expected, role, is_frozen, subaccount_id, *rest = found
    own_id, kind, is_enabled, *columns = rest
    account = Account.from_db(connection.alias, _account_columns(), columns)
    is_same = crypto.same(own_id.encode(), auth_id.encode())
    is_due = ends_at is not None and ends_at <= now
    if not is_same or is_due or not is_enabled or not account.is_active:
        return None
    is_main = kind == ApiIdentity.Kind.ACCOUNT
    if not is_main and subaccount_id is None:
        return None
    rights = frozenset(Permission) if is_main else _SUBACCOUNT_RIGHTS
    scope = None if permissions is None else Scope(frozenset(permissions))
    if scope:
        # The token of a member who left opens nothing, and that of one whose role changed only what is left.
        if role is None:
            return None
        rights &= scope.rights & _rights_of(role)
    actor = Actor(account=account, rights=rights, kind="api", origin=origin, subaccount_id=subaccount_id)
    if is_frozen:
        # As on the pages: after the plan's end a member reads and changes nothing.
        actor = replace(actor, frozen=frozenset(Permission), frozen_because=_FROZEN)
    return Caller(own_id, account, credential_id, is_main, actor, scope, is_expected)


@cache
def _rights_of(role: str) -> frozenset[Permission]:
    found: frozenset[Permission] = import_string(settings.MEMBER_RIGHTS)(role)
    return found


@cache
def _account_columns() -> list[str]:
    return [field.attname for field in Account._meta.concrete_fields]  # noqa: SLF001 - Django's public name


@cache
def _caller_query() -> str:
    # Written by hand: building it with the ORM takes longer than PostgreSQL takes to answer it.
    columns = ", ".join(f"account.{name}" for name in _account_columns())
    role = import_string(settings.MEMBER_ROLE)(user="token.made_by_id", account="account.id")
    frozen = import_string(settings.MEMBER_FROZEN)(user="token.made_by_id", account="account.id")
    own = import_string(settings.OWN_SUBACCOUNT)(identity="identity.id")
    return f"""
SELECT token.id, token.ends_at, token.permissions,
  token.cidrs IS NULL OR coalesce(%(ip)s::inet <<= ANY (token.cidrs), FALSE),
  CASE WHEN token.kind = 'named' THEN {role} END,
  token.kind = 'named' AND {frozen},
  CASE WHEN identity.kind = 'subaccount' THEN {own} END,
  identity.auth_id, identity.kind, identity.is_enabled, {columns}
FROM accounts_credential AS token
JOIN accounts_apiidentity AS identity ON identity.id = token.identity_id
JOIN accounts_account AS account ON account.id = identity.account_id
WHERE token.digest = %(digest)s AND token.ended_at IS NULL
"""  # noqa: S608  # nosec B608 - column names come from the model


def holder_of(identity: ApiIdentity | None) -> Q:
    """Return which identity of an account is meant: the one that is given, or else the account's own."""
    return Q(pk=identity.pk) if identity else Q(kind=ApiIdentity.Kind.ACCOUNT)


def live_tokens_of(
    account: Account, *, now: datetime, identity: ApiIdentity | None = None
) -> list[Credential]:
    """Return the live primary tokens of the identity, or else of the account itself, newest first."""
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    return list(_primary_tokens(account, identity).filter(live, ended_at=None).order_by("-made_at", "-id"))


def _tokens(account: Account, identity: ApiIdentity | None) -> QuerySet[Credential]:
    holders = ApiIdentity.objects.filter(holder_of(identity), account=account)
    return Credential.objects.filter(identity__in=holders)


def _primary_tokens(account: Account, identity: ApiIdentity | None) -> QuerySet[Credential]:
    return _tokens(account, identity).filter(kind=Credential.Kind.PRIMARY)


def token_page(
    account: Account, *, number: int, now: datetime, identity: ApiIdentity | None = None
) -> TokenPage:
    """Return one page of the primary tokens of the identity, or else of the account itself.

    Live ones come first, then ended ones, newest first.
    """
    rows = _primary_tokens(account, identity).select_related("made_by", "extension")
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


def find_token(account: Account, public_id: UUID, identity: ApiIdentity | None = None) -> Credential | None:
    """Return one primary token of the identity, or else of the account itself."""
    found = _primary_tokens(account, identity).select_related("made_by", "extension")
    return found.filter(public_id=public_id).first()


def find_any_token(
    account: Account, public_id: UUID, identity: ApiIdentity | None = None
) -> Credential | None:
    """Return one token, primary or named, of the identity, or else of the account itself."""
    found = _tokens(account, identity).select_related("made_by", "extension")
    return found.filter(public_id=public_id).first()
