"""Say what is left of the role of whoever made an API token."""

from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from teams.models import Membership
from teams.roles import Role


def member_join(*, user: str, account: str, is_counting_suspended: bool = False) -> str:
    """Return SQL that joins, as ``member``, the live membership of a user in an account, with its ``role``.

    The arguments are columns of the query, which must have a parameter ``now``. A join in the look-up of an
    API token is all that the rights of the token's maker cost.
    """
    suspended = "" if is_counting_suspended else "AND found.suspended_at IS NULL"
    return f"""
LEFT JOIN LATERAL (
  SELECT CASE WHEN found.raised_until > %(now)s THEN '{Role.ADMIN.value}' ELSE found.role END AS role
  FROM teams_membership AS found
  WHERE found.user_id = {user} AND found.account_id = {account} {suspended}
    AND (found.ends_at IS NULL OR found.ends_at > %(now)s)
) AS member ON TRUE
"""  # noqa: S608  # nosec B608 - the arguments are written in the code


def roles_of(account: Account) -> dict[int, str]:
    """Return the role of each live member by the id of the user."""
    now = timezone.now()
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    rows = Membership.objects.of(account).filter(live, suspended_at=None)
    return {row.user_id: str(row.role_at(now)) for row in rows}
