"""Ask once a quarter who still needs access, and note that somebody looked."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from teams.models import AccessReview
from teams.roster import accounts_to_review, current_review
from teams.services.members import check_may_grant

_QUARTER_MONTHS = 3


class NoReview(DomainError):
    """No review waits: somebody noted it, or none was asked for."""

    code = "no_review"


def quarter_of(day: date) -> date:
    """Return the first day of the quarter."""
    return date(day.year, (day.month - 1) // _QUARTER_MONTHS * _QUARTER_MONTHS + 1, 1)


def open_reviews(*, now: datetime) -> int:
    """Open this quarter's review of every team that has none yet, and return how many were opened."""
    quarter = quarter_of(now.date())
    return sum(_open(pk, quarter, now) for pk in accounts_to_review(quarter, now=now))


@transaction.atomic
def _open(account_id: int, quarter: date, now: datetime) -> bool:
    account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
    due = now.date() + timedelta(days=settings.CONSOLE_REVIEW_DAYS)
    review, is_new = AccessReview.objects.of(account).get_or_create(
        account=account, quarter_date=quarter, defaults={"due_date": due, "opened_at": now}
    )
    if is_new:
        record(EventKind.ACCESS_REVIEW_OPENED, actor=Actor.system(account), target=review, due_date=due)
    return is_new


@transaction.atomic
def finish_review(*, actor: Actor, now: datetime) -> AccessReview:
    """Note that every member still needs their role.

    :raises NoReview: if none waits; a second click finds none
    :raises RaisedOnly: if the actor is Admin for a while only
    """
    actor.require(Permission.TEAM_MANAGE)
    check_may_grant(actor)
    review = current_review(actor.account).select_for_update(of=("self",)).first()
    if review is None:
        raise NoReview("No access review waits.")
    review.done_at, review.done_by = now, actor.user
    review.save(update_fields=["done_at", "done_by"])
    record(EventKind.ACCESS_REVIEW_DONE, actor=actor, target=review, due_date=review.due_date)
    return review
