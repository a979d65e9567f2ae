"""Keep the credentials of a subaccount to the addresses that its own list names."""

from datetime import datetime

from django.db import connection

from console.core.api import Caller

_QUERY = """
SELECT networks IS NULL OR coalesce(%(ip)s::inet <<= ANY (networks), FALSE)
FROM subaccounts_subaccount WHERE id = %(id)s
"""


def allows(*, caller: Caller, ip: str | None, now: datetime) -> bool:
    """Say whether the subaccount's own list lets the address in; without a list it lets in every one."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"ip": ip, "id": caller.actor.subaccount_id})
        found = cursor.fetchone()
    return bool(found and found[0])
