"""Read the facts of the security check-up in a few queries, and put findings beside what was put off."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Account, Credential
from security.checkup_rules import CHECKS, Check, Facts, Finding, Member, Token, score_of
from security.compromise_queries import roster_of, tokens_of
from security.models import CheckupSnooze, RecoveryCode
from security.sso_queries import state_of
from security.webhook_queries import count_live

SNOOZES_SHOWN = 10
_SNOOZES_READ = len(CHECKS) + SNOOZES_SHOWN


@dataclass(frozen=True, slots=True)
class Row:
    """A check with what it found, if anything, and who put it off."""

    check: Check
    finding: Finding | None
    snooze: CheckupSnooze | None = None


@dataclass(frozen=True, slots=True)
class Checkup:
    """The state of an account: score, findings to fix, findings put off, and checks that pass."""

    score: int
    rows: list[Row]
    snoozes: list[CheckupSnooze]

    @property
    def open(self) -> list[Row]:
        """Return the findings that nobody put off, the heaviest first."""
        return [row for row in self.rows if row.finding and not row.snooze]

    @property
    def snoozed(self) -> list[Row]:
        """Return the findings that somebody put off."""
        return [row for row in self.rows if row.finding and row.snooze]

    @property
    def passed(self) -> list[Row]:
        """Return the checks that pass."""
        return [row for row in self.rows if not row.finding]

    @property
    def jacks(self) -> list[tuple[int, bool]]:
        """Return the place of each check on the strip, and whether it passes; those that pass first."""
        states = sorted((row.finding is None for row in self.rows), reverse=True)
        return [(14 + 30 * number, state) for number, state in enumerate(states)]


def checkup_of(account: Account, *, now: datetime) -> Checkup:
    """Judge the account as it is now. A finding counts in the score whether it was put off or not."""
    facts = facts_of(account, now=now)
    recent = list(snoozes_of(account)[:_SNOOZES_READ])
    snoozes = {row.check_name: row for row in recent if row.ended_at is None and row.until > now}
    rows = [Row(check, check.judge(facts), snoozes.get(check.name)) for check in applied_checks()]
    passed = [row.check for row in rows if row.finding is None]
    shown = sorted(recent, key=lambda row: row.made_at, reverse=True)[:SNOOZES_SHOWN]
    return Checkup(score_of(passed, [row.check for row in rows]), rows, shown)


def applied_checks() -> list[Check]:
    """Return the checks whose findings have a page that fixes them."""
    return [check for check in CHECKS if check.name in settings.CHECKUP_FIXES]


def facts_of(account: Account, *, now: datetime) -> Facts:
    """Read what the checks look at: members with their factors, and live tokens."""
    return Facts(
        now=now,
        members=[_member(row) for row in _members(account)],
        tokens=[_token(row) for row in tokens_of(account, now=now)],
        allowlist_mode=account.allowlist_mode,
        live_webhooks=count_live(account),
        sso_state=state_of(account),
    )


def _members(account: Account) -> QuerySet[Any]:
    unused = RecoveryCode.objects.filter(user=OuterRef("user"), used_at=None).order_by().values("user")
    count = Subquery(unused.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    return roster_of(account).annotate(codes_left=Coalesce(count, 0))


def _member(row: Any) -> Member:
    user = row.user
    return Member(
        name=user.full_name or user.email,
        email=user.email,
        role=row.role,
        has_strong=row.has_app or row.has_passkey,
        codes_left=row.codes_left,
        seen_at=max(user.last_login or row.created_at, row.created_at),
        must_reverify=user.reverify_since is not None,
    )


def _token(row: Credential) -> Token:
    is_named = row.kind == Credential.Kind.NAMED
    label = f"{row.name} ({row})" if row.name else str(row)
    return Token(label, is_named, row.made_at, row.last_used_at, row.ends_at)


def snoozes_of(account: Account) -> QuerySet[CheckupSnooze]:
    """Return what was put off: what nobody ended first (one row for each check at most), then newest first."""
    rows = CheckupSnooze.objects.of(account).select_related("made_by", "ended_by")
    return rows.order_by(F("ended_at").desc(nulls_first=True), "-made_at", "-id")


def find_check(name: str) -> Check | None:
    """Return the check of that name, if it applies."""
    return next((check for check in applied_checks() if check.name == name), None)
