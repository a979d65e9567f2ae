"""Give the demo's account 90 days of calls and messages to 20 countries, made by the database itself."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import Account
from subaccounts.models import Subaccount
from subaccounts.services.usage import sum_days

_DAYS, _PER_DAY = 90, 900
# Country, dial code, how much of the traffic, price of a minute, price of a segment.
_COUNTRIES = (
    ("NL", "31", 30, "0.02140", "0.07100"), ("DE", "49", 16, "0.01980", "0.07300"),
    ("GB", "44", 11, "0.01650", "0.04100"), ("BE", "32", 9, "0.02450", "0.06900"),
    ("FR", "33", 7, "0.01820", "0.06400"), ("US", "1", 6, "0.01000", "0.00770"),
    ("PL", "48", 4, "0.02210", "0.03100"), ("ES", "34", 3, "0.02050", "0.05800"),
    ("IT", "39", 3, "0.02320", "0.06600"), ("AT", "43", 2, "0.02900", "0.07600"),
    ("CH", "41", 2, "0.03100", "0.05900"), ("DK", "45", 1, "0.02700", "0.04300"),
    ("SE", "46", 1, "0.02300", "0.05100"), ("NO", "47", 1, "0.02500", "0.05400"),
    ("CZ", "420", 1, "0.03300", "0.05200"), ("PT", "351", 1, "0.02600", "0.03900"),
    ("IE", "353", 1, "0.02800", "0.05500"), ("TR", "90", 1, "0.04900", "0.01900"),
    ("IN", "91", 1, "0.01300", "0.00300"), ("LV", "371", 1, "0.24790", "0.04600"),
)  # fmt: skip

# Every row is drawn from a hash of account, day and number, so that the same demo comes out each time. Work days have
# three times the traffic of Sundays, most of it in the day, and there is a little more each week.
_ROWS = """
WITH place AS (
  SELECT *, coalesce(sum(share) OVER (ORDER BY number ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), 0) AS below,
    sum(share) OVER () AS whole
  FROM unnest(%(countries)s::text[], %(dials)s::text[], %(shares)s::int[], %(minutes)s::numeric[],
    %(segments)s::numeric[]) WITH ORDINALITY AS place (country, dial, share, minute, segment, number)
), day AS (
  SELECT ago, %(midnight)s::timestamptz - ago * interval '1 day' AS begins_at,
    %(per_day)s * (100 - ago / 4) / 100
      / CASE extract(isodow FROM %(today)s::date - ago) WHEN 7 THEN 3 WHEN 6 THEN 2 ELSE 1 END
      AS events
  FROM generate_series(0, %(days)s - 1) AS ago
), drawn AS (
  SELECT day.*, number, md5(%(account)s || ':' || ago || ':' || number)::uuid AS event_id,
    (hashtextextended(ago || ':' || number, 1) & 65535) / 65536.0 AS a,
    (hashtextextended(ago || ':' || number, 2) & 65535) / 65536.0 AS b,
    (hashtextextended(ago || ':' || number, 3) & 65535) / 65536.0 AS c,
    (hashtextextended(ago || ':' || number, 4) & 65535) / 65536.0 AS d
  FROM day, generate_series(1, day.events) AS number
), night AS (
  SELECT 2, %(midnight)s::timestamptz - interval '2 days', 0, number, md5(%(account)s || ':night:' || number)::uuid,
    0.9999, 0.1, 0.2, (hashtextextended('night' || number, 4) & 65535) / 65536.0
  FROM generate_series(1, 180) AS number
), chosen AS (
  SELECT drawn.*, place.*, ago = 2 AND events = 0 AS is_night,
    c < 0.45 AS is_call, d > 0.82 AND NOT (events = 0) AS is_inbound
  FROM (SELECT * FROM drawn UNION ALL SELECT * FROM night) AS drawn (
    ago, begins_at, events, event, event_id, a, b, c, d)
  JOIN place ON drawn.a * place.whole >= place.below AND drawn.a * place.whole < place.below + place.share
), timed AS (
  SELECT *, begins_at + CASE WHEN is_night THEN interval '121 minutes' + event * interval '9 seconds'
      ELSE interval '6 hours' + (b + d) * interval '7 hours' + event * interval '1 ms' END AS at,
    CASE WHEN is_call THEN 1 + floor((b * d) * 9)::int ELSE 1 + (b > 0.8)::int + (b > 0.95)::int END AS units,
    CASE WHEN is_call THEN minute ELSE segment END * CASE WHEN is_inbound THEN 0.3 ELSE 1 END AS list_rate
  FROM chosen
)
INSERT INTO subaccounts_usageevent
SELECT %(account)s, at, event_id,
  (%(parts)s::bigint[])[1 + floor(CASE WHEN is_night THEN 0.6 ELSE (a * 7919) %% 1 END * %(slots)s)::int],
  CASE WHEN is_call AND d < 0.06 THEN 0 ELSE units END, round(list_rate, 5),
  CASE WHEN is_call AND d < 0.06 THEN 0 ELSE units * round(list_rate, 5) END,
  CASE WHEN is_call THEN 'call' ELSE 'message' END, CASE WHEN is_inbound THEN 'inbound' ELSE 'outbound' END, country,
  CASE WHEN is_call THEN CASE WHEN d < 0.02 THEN 'busy' WHEN d < 0.05 THEN 'no-answer' WHEN d < 0.06 THEN 'failed'
    ELSE 'completed' END WHEN is_inbound THEN 'received' WHEN d < 0.03 THEN 'undelivered' ELSE 'delivered' END,
  CASE WHEN is_inbound THEN '+' || dial || '5550' || lpad((event * 37 %% 99991)::text, 5, '0')
    WHEN is_call OR country = 'US' THEN '+31201234567' ELSE 'HALYARD' END,
  CASE WHEN is_inbound THEN '+31201234567' ELSE '+' || dial || '5550' || lpad((event * 37 %% 99991)::text, 5, '0') END,
  CASE WHEN is_inbound THEN NULL ELSE ('198.51.100.' || 40 + event %% 7)::inet END
FROM timed WHERE at < %(now)s
"""


def fill_usage(company: dict[str, Any], *, now: datetime) -> None:
    """Write the events and their sums; a third belongs to the main account, the rest to its subaccounts."""
    account: Account = company["account"]
    parts = list(Subaccount.objects.of(account).order_by("id").values_list("pk", flat=True))
    with timezone.override(account.time_zone):
        midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    names = ("countries", "dials", "shares", "minutes", "segments")
    columns: dict[str, Any] = {
        name: list(column) for name, column in zip(names, zip(*_COUNTRIES, strict=True), strict=True)
    }
    own: list[int | None] = [None] * max(len(parts) // 2, 1)
    values: dict[str, Any] = {
        "account": account.pk,
        "midnight": midnight,
        "now": now,
        "days": _DAYS,
        "per_day": _PER_DAY,
    }
    values["today"] = midnight.date()
    slots = [own[0], *parts, *own[1:]]
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, {**columns, **values, "parts": slots, "slots": len(slots)})
    sum_days(account_id=account.pk, first=(now - timedelta(days=_DAYS)).date())
