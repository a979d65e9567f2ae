"""Make usage for tests: a few rows one by one, or many by the database itself."""

import uuid
from datetime import timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from subaccounts.models import UsageEvent
from subaccounts.services import UsageRow, append_usage


def make_row(account, **fields):
    values = {
        "account_id": account.pk, "at": timezone.now() - timedelta(minutes=5), "event_id": uuid.uuid4(),
        "subaccount_id": None, "units": 2, "rate": Decimal("0.02140"), "cost": Decimal("0.04280"), "kind": "call",
        "direction": "outbound", "country": "NL", "status": "completed", "from_number": "+31201234567",
        "to_number": "+31612345678", "ip": "198.51.100.7",
    }  # fmt: skip
    return UsageRow(**values | fields)


def append(*rows):
    with transaction.atomic():
        return append_usage(rows=rows)


def make_event(account, **fields):
    row = make_row(account, **fields)
    append(row)
    return UsageEvent.objects.of(account).get(event_id=row.event_id)


def fill(account, count, *, days=30):
    """Write many events without their sums, spread over the last days."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO subaccounts_usageevent SELECT %s, now() - (n %% %s) * interval '1 day' - n * interval '1 ms',
              gen_random_uuid(), NULL, 1 + n %% 5, 0.02140, 0.02140 * (1 + n %% 5), 'call', 'outbound',
              (ARRAY['NL', 'DE', 'US'])[1 + n %% 3], 'completed', '+31201234567', '+3161' || lpad(n::text, 7, '0'), NULL
            FROM generate_series(1, %s) AS n""",
            [account.pk, days, count],
        )
