"""Rate many usages in one statement: the same answer as ``billing.pricing``, as SQL."""

_LATEST = """
  SELECT DISTINCT ON (found.n, found.part, found.is_listed) found.*
  FROM ({found}) AS found
  ORDER BY found.n, found.part, found.is_listed, found.starts_at DESC, found.price_list_id DESC
"""
_BEST = """
  SELECT DISTINCT ON (latest.n) latest.n, latest.id, latest.country, latest.rate
  FROM ({latest}) AS latest
  WHERE latest.rate IS NOT NULL
  ORDER BY latest.n, length(latest.part) DESC, latest.is_listed
"""
_COUNTS = (
    """price.starts_at <= used.at AND (price.account_id IS NULL OR price.account_id = used.account_id)"""
)
_COLUMNS = """
    used.n, price.id, price.country, price.rate, price.starts_at, price.price_list_id,
    price.account_id IS NULL AS is_listed"""
# What a number may begin with, as rows. Of an array the planner expects ten elements, which is about what there is.
_BEGINNINGS = """
  SELECT used.n, used.account_id, used.at, left(used.number, sizes.size) AS part
  FROM {events} AS used
  JOIN unnest(ARRAY(SELECT DISTINCT length(prefix) FROM billing_price WHERE prefix <> '')) AS sizes (size)
    ON length(used.number) >= sizes.size
"""
_BY_PREFIX = """
  SELECT {columns}, used.part
  FROM beginnings AS used
  JOIN billing_price AS price ON price.prefix = used.part AND price.prefix <> '' AND {counts}
"""
_BY_KEY = """
  SELECT {columns}, price.network AS part
  FROM placed AS used
  JOIN billing_price AS price
    ON price.country = used.country AND price.service = used.service AND price.direction = used.direction AND price.prefix = ''
   AND price.number_type = used.number_type
   AND (price.network = '' OR price.network = used.network)
   AND {counts}
"""
# What no prefix decides, with the country that its number says when nothing else does.
_PLACED = """
  SELECT used.n, used.account_id, used.service, used.direction, used.at, used.network,
    CASE used.service WHEN 'message' THEN '' ELSE used.number_type END AS number_type,
    coalesce(nullif(used.country, ''), by_prefix.country) AS country
  FROM {events} AS used
  LEFT JOIN by_prefix ON by_prefix.n = used.n
  WHERE NOT (used.service = 'voice' AND used.direction = 'outbound' AND used.number_type <> 'ip')
"""
_RATED = """
WITH beginnings AS MATERIALIZED ({beginnings}),
by_prefix AS MATERIALIZED ({by_prefix}),
placed AS MATERIALIZED ({placed}),
by_key AS MATERIALIZED ({by_key})
SELECT used.n, coalesce(one.id, other.id) AS price_id,
  coalesce(one.country, other.country, nullif(used.country, '')) AS country,
  coalesce(one.rate, other.rate) AS rate, units.units,
  coalesce(one.rate, other.rate) * units.units AS amount
FROM {events} AS used
CROSS JOIN LATERAL (
  SELECT CASE used.service WHEN 'voice' THEN (used.quantity + 59) / 60 ELSE used.quantity END AS units
) AS units
LEFT JOIN by_prefix AS one
  ON one.n = used.n AND used.service = 'voice' AND used.direction = 'outbound' AND used.number_type <> 'ip'
LEFT JOIN by_key AS other ON other.n = used.n
"""


def rated_sql(events: str) -> str:
    """Return a query over a relation of usages: n, price_id, country, rate, units, amount.

    ``events`` names a table, temporary table or CTE with the columns of ``pricing.Usage`` and n, unique, and
    account_id: the texts never null, quantity a bigint. Each usage has one row; rate and amount are null where
    nothing is priced.
    """
    parts = {"columns": _COLUMNS, "counts": _COUNTS, "events": events}
    by_prefix, by_key = _best(_BY_PREFIX.format(**parts)), _best(_BY_KEY.format(**parts))
    return _RATED.format(
        beginnings=_BEGINNINGS.format(events=events),
        by_prefix=by_prefix,
        placed=_PLACED.format(events=events),
        by_key=by_key,
        events=events,
    )


def _best(found: str) -> str:
    return _BEST.format(latest=_LATEST.format(found=found))
