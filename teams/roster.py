"""Look up members and invitations as the Team pages show them; the same number of queries for 5 and 5,000."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Account, Credential
from teams.models import AccessReview, Invitation, Membership
from teams.roles import Role

PAGE = 50
_BATCH = 500
_FACTORS = {
    "has_passkey": "Passkey",
    "has_app": "Authenticator app",
    "has_phone": "SMS or call",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which members to show; ``words`` are the filters as they stand in the address."""

    text: str = ""
    role: str = ""
    factor: str = ""
    state: str = ""
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One member as the roster shows them."""

    member: Membership
    role: Role
    factors: list[str]
    is_weak: bool
    tokens: int
    away_days: int
    state: str
    has_sso: bool = False

    @property
    def last_day(self) -> date | None:
        """Return the last day of the membership, in the time zone of the page."""
        ends_at = self.member.ends_at
        return timezone.localdate(ends_at - timedelta(seconds=1)) if ends_at else None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of members: how many there are in all, and which pages lie beside it."""

    rows: list[Row]
    total: int
    number: int

    @property
    def first(self) -> int:
        """Return the place of the first row."""
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        """Return the place of the last row."""
        return self.first + len(self.rows) - 1

    @property
    def before(self) -> int | None:
        """Return the number of the page before."""
        return self.number - 1 if self.number > 1 else None

    @property
    def after(self) -> int | None:
        """Return the number of the page after."""
        return self.number + 1 if self.last < self.total else None


@cache
def _factor_columns() -> Any:
    return import_string(settings.FACTOR_COLUMNS)


@cache
def _sso_column() -> Any:
    return import_string(settings.SSO_COLUMN)


def _tokens() -> Coalesce:
    made = Credential.objects.filter(
        made_by=OuterRef("user_id"), identity__account=OuterRef("account_id"), ended_at=None
    )
    counted = made.order_by().values("made_by").annotate(live=Count("pk")).values("live")
    return Coalesce(Subquery(counted), 0)


def _rows(account: Account, filters: Filters, now: datetime) -> QuerySet[Membership]:
    rows = Membership.objects.of(account).filter(_matching(filters, now))
    columns = _factor_columns()(OuterRef("user_id"))
    rows = rows.alias(**columns) if filters.factor else rows
    if filters.factor == "weak":
        rows = rows.filter(has_passkey=False, has_app=False)
    elif filters.factor:
        rows = rows.filter(**{filters.factor: True})
    return rows


def _matching(filters: Filters, now: datetime) -> Q:
    found = Q()
    for word in filters.text.split():
        found &= Q(user__full_name__icontains=word) | Q(user__email_key__contains=word.lower())
    if filters.role:
        found &= Q(role=filters.role)
    away = now - timedelta(days=settings.CONSOLE_ABSENCE_DAYS)
    states = {
        "away": Q(user__last_login__lte=away) | Q(user__last_login=None, created_at__lte=away),
        "ending": Q(ends_at__gt=now),
        "ended": Q(ends_at__lte=now),
        "raised": Q(raised_until__gt=now),
    }
    return found & states.get(filters.state, Q())


def _detailed(rows: QuerySet[Membership]) -> QuerySet[Membership]:
    columns = _factor_columns()(OuterRef("user_id"))
    columns["has_sso"] = _sso_column()(OuterRef("user_id"), OuterRef("account_id"))
    return rows.select_related("user", "raised_by").annotate(**columns, tokens=_tokens())


def page_of(account: Account, filters: Filters, *, number: int, now: datetime) -> Page:
    """Return a page of members by name; a number beyond the last page shows the last one."""
    rows = _rows(account, filters, now)
    total = rows.count()
    number = max(1, min(number, (total + PAGE - 1) // PAGE))
    start = (number - 1) * PAGE
    shown = _detailed(rows).order_by("user__full_name", "pk")[start : start + PAGE]
    return Page([row_of(member, now) for member in shown], total, number)


def batches_of(account: Account, filters: Filters, *, now: datetime) -> Iterator[list[Row]]:
    """Yield every member, a batch at a time, each found by the end of the one before."""
    rows, last = _detailed(_rows(account, filters, now)).order_by("pk"), 0
    while batch := list(rows.filter(pk__gt=last)[:_BATCH]):
        yield [row_of(member, now) for member in batch]
        last = batch[-1].pk


def find_member(account: Account, public_id: UUID, *, now: datetime) -> Row | None:
    """Return one member."""
    found = _detailed(Membership.objects.of(account)).filter(public_id=public_id).first()
    return row_of(found, now) if found else None


def row_of(member: Any, now: datetime) -> Row:
    """Return a member, looked up with details, as the roster shows them."""
    factors = [label for name, label in _FACTORS.items() if getattr(member, name)]
    seen = member.user.last_login
    return Row(
        member=member,
        role=member.role_at(now),
        factors=factors,
        is_weak=not (member.has_passkey or member.has_app),
        tokens=member.tokens,
        away_days=(now - (seen or member.created_at)).days,
        state=_state(member, now),
        has_sso=member.has_sso,
    )


def _state(member: Membership, now: datetime) -> str:
    if member.suspended_at is not None:
        return "suspended"
    if not member.is_live(now):
        return "ended"
    return "raised" if member.is_raised(now) else ""


def count_named_tokens(member: Membership) -> int:
    """Return how many live named tokens the member made in the account: they end with the membership."""
    return Credential.objects.filter(
        made_by=member.user_id,
        identity__account=member.account_id,
        kind=Credential.Kind.NAMED,
        ended_at=None,
    ).count()


def counts_of(account: Account) -> dict[str, int]:
    """Return how many members have each role, by the role's value."""
    rows = Membership.objects.of(account).order_by().values("role").annotate(people=Count("pk"))
    return {row["role"]: row["people"] for row in rows}


def open_invitations(account: Account) -> QuerySet[Invitation]:
    """Return the invitations that were neither accepted nor taken back, the newest first."""
    rows = Invitation.objects.of(account).filter(accepted_at=None, revoked_at=None)
    return rows.order_by("-pk")


def invitations_page(account: Account, *, number: int) -> tuple[list[Invitation], int]:
    """Return a page of open invitations with the people who sent them, and how many there are."""
    rows = open_invitations(account)
    start = (max(number, 1) - 1) * PAGE
    shown = rows.select_related("invited_by", "account")[start : start + PAGE]
    return list(shown), rows.count()


def find_invitation(public_id: UUID) -> Invitation | None:
    """Return an invitation by the name in its link, with its account and who sent it."""
    rows = Invitation.unscoped.select_related("account", "invited_by")
    return rows.filter(public_id=public_id).first()


def find_open_invitation(account: Account, public_id: UUID) -> Invitation | None:
    """Return an open invitation of the account."""
    return open_invitations(account).filter(public_id=public_id).first()


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands above every Team page: when the plan ends, open invitations, until when to review, members."""

    plan_end: datetime | None
    open_count: int
    review_due: date | None
    member_count: int


def facts_of(account: Account) -> Facts:
    """Return the facts, in one query."""
    open_rows = Invitation.unscoped.filter(account=OuterRef("pk"), accepted_at=None, revoked_at=None)
    counted = open_rows.order_by().values("account").annotate(rows=Count("pk")).values("rows")
    reviews = AccessReview.unscoped.filter(account=OuterRef("pk"), done_at=None).order_by("-quarter_date")
    rows = Membership.unscoped.filter(account=OuterRef("pk")).order_by()
    people = rows.values("account").annotate(people=Count("pk")).values("people")
    row = Account.objects.filter(pk=account.pk).values_list(
        import_string(settings.PLAN_END)(OuterRef("pk")),
        Coalesce(Subquery(counted), 0),
        Subquery(reviews.values("due_date")[:1]),
        Coalesce(Subquery(people), 0),
    )
    return Facts(*row.get())


def current_review(account: Account) -> QuerySet[AccessReview]:
    """Return the newest review that nobody noted as done."""
    return AccessReview.objects.of(account).filter(done_at=None).order_by("-quarter_date")


def accounts_to_review(quarter: date, *, now: datetime, limit: int = 1000) -> list[int]:
    """Return the accounts with a plan and a team that have no review of the quarter yet."""
    begun = datetime.combine(quarter, time.min, tzinfo=UTC)
    known = AccessReview.unscoped.filter(account=OuterRef("account"), quarter_date=quarter)
    plan_end = import_string(settings.PLAN_END)(OuterRef("account"))
    teams = Membership.unscoped.exclude(role=Role.OWNER).filter(created_at__lt=begun, suspended_at=None)
    teams = teams.filter(~Exists(known)).annotate(plan_end=plan_end).filter(plan_end__gt=now)
    return list(teams.order_by("account").values_list("account", flat=True).distinct()[:limit])
