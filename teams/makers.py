"""Say what is left of the role of whoever made an API token."""

from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from teams.models import Membership
from teams.roles import Role


def member_role(*, user: str, account: str, is_counting_suspended: bool = False) -> str:
    """Return SQL for the role that a user has in an account at the parameter ``now``; NULL is none.

    The arguments are columns of the query around it. It is a part of the look-up of an API token: the rights
    of the token's maker cost no query of their own.
    """
    active = "" if is_counting_suspended else "AND person.is_active AND found.suspended_at IS NULL"
    return f"""(
  SELECT CASE WHEN found.raised_until > %(now)s THEN '{Role.ADMIN.value}' ELSE found.role END
  FROM teams_membership AS found JOIN accounts_user AS person ON person.id = found.user_id
  WHERE found.user_id = {user} AND found.account_id = {account} {active}
    AND (found.ends_at IS NULL OR found.ends_at > %(now)s)
)"""  # noqa: S608  # nosec B608 - the arguments are written in the code


def roles_of(account: Account) -> dict[int, str]:
    """Return the role of each live member by the id of the user."""
    now = timezone.now()
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    rows = Membership.objects.of(account).filter(live, suspended_at=None)
    return {row.user_id: str(row.role_at(now)) for row in rows}
