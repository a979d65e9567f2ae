"""Look up subaccounts: one by its Auth ID, and those of an account with their live Auth Tokens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from django.db.models import Prefetch, Q, QuerySet
from django.urls import reverse

from accounts.models import Account, ApiIdentity, Credential
from subaccounts.limit_rules import Standing
from subaccounts.models import Subaccount
from subaccounts.queries.limits import standing_of, stopped, with_spend

PAGE_SIZE = 20
AUTH_ID = re.compile(r"SA[A-Z0-9]{18}")
"""The shape of the Auth ID of a subaccount."""

_PRIMARY = Credential.objects.filter(kind=Credential.Kind.PRIMARY, ended_at=None).order_by("made_at", "id")


def live_subaccounts(account: Account) -> QuerySet[Subaccount]:
    """Return the account's subaccounts that are not deleted."""
    return Subaccount.objects.of(account).filter(deleted_at=None).select_related("identity")


def find_subaccount(
    account: Account, auth_id: str, rows: QuerySet[Subaccount] | None = None
) -> Subaccount | None:
    """Return one subaccount of the account that is not deleted, out of ``rows`` of the account if given."""
    # What has another shape, NUL included, never reaches the database.
    if not AUTH_ID.fullmatch(auth_id):
        return None
    found = live_subaccounts(account) if rows is None else rows
    return found.filter(auth_id=auth_id).first()


def with_tokens(rows: QuerySet[Subaccount]) -> QuerySet[Subaccount]:
    """Have each subaccount bring its Auth Tokens that nobody ended, in one query more."""
    return rows.prefetch_related(Prefetch("identity__credentials", queryset=_PRIMARY, to_attr="unended"))


def live_tokens(subaccount: Subaccount, *, now: datetime) -> list[Credential]:
    """Return the live Auth Tokens, oldest first, of a subaccount that came by ``with_tokens``."""
    return [token for token in subaccount.identity.unended if token.is_live(now)]  # type: ignore[attr-defined]


def holder_of(account: Account, identity: ApiIdentity) -> tuple[str, str]:
    """Return the name of the subaccount that calls with the identity, and the path of the page of its tokens."""
    found = Subaccount.objects.of(account).get(identity=identity)
    path = reverse("subaccounts:token_list", args=[account.auth_id, found.auth_id])
    return f"{found.name}, {found.auth_id}", path


@dataclass(frozen=True, slots=True)
class SubaccountRow:
    """One subaccount of the list, and where it stands this month."""

    subaccount: Subaccount
    standing: Standing

    @property
    def state(self) -> str:
        """Say whether it is disabled, stopped at its limit, or enabled."""
        if not self.subaccount.identity.is_enabled:
            return "disabled"
        return "stopped" if self.standing.is_stopped else "enabled"


@dataclass(frozen=True, slots=True)
class SubaccountPage:
    """Some subaccounts by name, and the pages beside them."""

    rows: list[SubaccountRow]
    number: int
    total: int
    filters: Mapping[str, str]

    @property
    def stopped(self) -> list[SubaccountRow]:
        """Return those of the page whose limit stops them."""
        return [row for row in self.rows if row.state == "stopped"]

    @property
    def text(self) -> str:
        """Say which of how many these are."""
        first = (self.number - 1) * PAGE_SIZE
        return f"{first + 1} to {first + len(self.rows)} of {self.total:,}"

    @property
    def earlier_url(self) -> str:
        """Lead to the next page, if there is one."""
        return self._url(self.number + 1) if self.number * PAGE_SIZE < self.total else ""

    @property
    def later_url(self) -> str:
        """Lead to the page before, if there is one."""
        return self._url(self.number - 1) if self.number > 1 else ""

    def _url(self, number: int) -> str:
        kept = {name: value for name, value in self.filters.items() if value}
        return f"?{urlencode({**kept, 'page': number})}"


def filtered(account: Account, *, month: date, q: str = "", state: str = "") -> QuerySet[Subaccount]:
    """Return the account's subaccounts by name, or part of the Auth ID, and by state, with their spending."""
    rows = with_spend(live_subaccounts(account), month).order_by("name", "pk")
    if text := q.strip():
        rows = rows.filter(Q(name__icontains=text) | Q(auth_id__icontains=text))
    if state == "disabled":
        return rows.filter(identity__is_enabled=False)
    if state:
        is_stopped = stopped(month)
        rows = rows.filter(is_stopped if state == "stopped" else ~is_stopped, identity__is_enabled=True)
    return rows


def page_of(
    rows: QuerySet[Subaccount], *, number: int, month: date, filters: Mapping[str, str]
) -> SubaccountPage:
    """Return one page of the subaccounts."""
    start = (number - 1) * PAGE_SIZE
    shown = [SubaccountRow(row, standing_of(row, month)) for row in rows[start : start + PAGE_SIZE]]
    return SubaccountPage(shown, number, rows.count(), filters)
