"""Say what is left of the role of whoever made an API token."""

from datetime import timedelta

from django.conf import settings
from django.db.models import OuterRef, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Account
from teams.models import Membership
from teams.roles import Role


def member_role(*, user: str, account: str, is_counting_suspended: bool = False) -> str:
    """Return SQL for the role that a user has in an account at the parameter ``now``; NULL is none.

    The arguments are columns of the query around it. It is a part of the look-up of an API token: the rights
    of the token's maker cost no query of their own.
    """
    active = "" if is_counting_suspended else _active(account)
    return f"""(
  SELECT CASE WHEN found.raised_until > %(now)s THEN '{Role.ADMIN.value}' ELSE found.role END
  FROM teams_membership AS found JOIN accounts_user AS person ON person.id = found.user_id
  WHERE found.user_id = {user} AND found.account_id = {account} {active}
    AND (found.ends_at IS NULL OR found.ends_at > %(now)s)
)"""  # noqa: S608  # nosec B608 - the arguments are written in the code


def member_is_frozen(*, user: str, account: str) -> str:
    """Return SQL that says whether a user only reads in an account, because its plan ended; the owner never."""
    plan_end = import_string(settings.PLAN_END_SQL)(account)
    return f"""(
  NOT coalesce({plan_end} > %(now)s, FALSE) AND NOT EXISTS (
    SELECT FROM teams_membership AS head
    WHERE head.user_id = {user} AND head.account_id = {account} AND head.role = '{Role.OWNER.value}')
)"""  # nosec B608 - the arguments are written in the code


def _active(account: str) -> str:
    """Return SQL that leaves out who may not come in: as on the pages, without a plan that is all but the owner."""
    plan_end = import_string(settings.PLAN_END_SQL)(account)
    grace = f"make_interval(days => {int(settings.CONSOLE_GRACE_DAYS)})"
    return f"""AND person.is_active AND found.suspended_at IS NULL
    AND (found.role = '{Role.OWNER.value}' OR {plan_end} > %(now)s - {grace})"""


def roles_of(account: Account) -> dict[int, str]:
    """Return the role of each live member by the id of the user."""
    now = timezone.now()
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    rows = Membership.objects.of(account).annotate(
        plan_end=import_string(settings.PLAN_END)(OuterRef("account_id"))
    )
    grace = timedelta(days=settings.CONSOLE_GRACE_DAYS)
    rows = rows.filter(live, Q(role=Role.OWNER) | Q(plan_end__gt=now - grace), suspended_at=None)
    return {row.user_id: str(row.role_at(now)) for row in rows}
