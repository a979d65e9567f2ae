"""Fill databases on the server side: rows like a row that is there, by the thousand or by the million."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

_BASE = 1_000_000_000
# Every row of a kind needs names of its own; ``n`` counts the rows.
_ACCOUNT_ID, _PART_ID = "'MA' || lpad(n::text, 18, '0')", "'SA' || lpad(n::text, 18, '0')"
_DIGEST = "sha256(('bench' || n)::bytea)"


@contextmanager
def superuser(url: str) -> Iterator[psycopg.Cursor]:
    """Open the database past triggers and foreign keys; what is written need not survive a crash."""
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("SET work_mem = '128MB'")
        yield cursor


def copy(cursor: psycopg.Cursor, table: str, count: int, *, like: int, first: int = 1, **others: str) -> None:
    """Write ``count`` rows like the one with this id; ``others`` are SQL for columns that differ."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s",
        [table],
    )
    columns = [name for (name,) in cursor.fetchall()]
    values = {name: f'model."{name}"' for name in columns} | {"id": f"{_BASE} + n"}
    if "public_id" in columns:
        values["public_id"] = "gen_random_uuid()"
    values |= others
    names = ", ".join(f'"{name}"' for name in values)
    cursor.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values.values())} "
        f"FROM {table} AS model, generate_series({first}, {first + count - 1}) AS n WHERE model.id = {like}"
    )


def one(cursor: psycopg.Cursor, query: str, *values: Any) -> int:
    """Return the first value of the first row."""
    cursor.execute(query, values)
    return cursor.fetchone()[0]


def fill_lists(cursor: psycopg.Cursor, account: int, count: int, *, first: int) -> None:
    """Give the account ``count`` more subaccounts, audit events, ended tokens and calls."""
    part = one(cursor, "SELECT id FROM subaccounts_subaccount WHERE account_id = %s", account)
    identity = one(cursor, "SELECT identity_id FROM subaccounts_subaccount WHERE id = %s", part)
    event = one(cursor, "SELECT min(id) FROM core_auditevent WHERE account_id = %s", account)
    copy(cursor, "accounts_apiidentity", count, like=identity, first=first, auth_id=_PART_ID)
    copy(
        cursor,
        "subaccounts_subaccount",
        count,
        like=part,
        first=first,
        auth_id=_PART_ID,
        identity_id=f"{_BASE} + n",
        name="'Part ' || n",
    )
    copy(cursor, "core_auditevent", count, like=event, first=first, seq="1000 + n")
    cursor.execute(
        """
        INSERT INTO subaccounts_usageevent
        SELECT %s, now() - n * interval '7 seconds', gen_random_uuid(), NULL, 1, 0.02, 0.02, 'call', 'outbound', 'NL',
          'completed', '+31201234567', '+3161' || lpad(n::text, 7, '0'), '198.51.100.7'
        FROM generate_series(1, %s) AS n""",
        [account, count],
    )


def fill_product(
    cursor: psycopg.Cursor, account: int, *, accounts: int, events: int, first: int = 100_001
) -> float:
    """Add accounts with an owner and a token each, and the usage of all; return how many seconds that took."""
    began = time.monotonic()
    owner = one(cursor, "SELECT opened_by_id FROM accounts_account WHERE id = %s", account)
    identity = one(
        cursor, "SELECT id FROM accounts_apiidentity WHERE account_id = %s AND kind = 'account'", account
    )
    token = one(cursor, "SELECT id FROM accounts_credential WHERE identity_id = %s", identity)
    member = one(cursor, "SELECT id FROM teams_membership WHERE account_id = %s", account)
    key, base = f"{_BASE} + n", {"first": first}
    email = "'person' || n || '@halyard.example'"
    copy(cursor, "accounts_user", accounts, like=owner, email=email, email_key=email, **base)
    copy(cursor, "accounts_account", accounts, like=account, auth_id=_ACCOUNT_ID, opened_by_id=key, **base)
    copy(cursor, "accounts_apiidentity", accounts, like=identity, auth_id=_ACCOUNT_ID, account_id=key, **base)
    copy(cursor, "accounts_credential", accounts, like=token, identity_id=key, digest=_DIGEST, **base)
    copy(cursor, "teams_membership", accounts, like=member, account_id=key, user_id=key, **base)
    _use(cursor, accounts, events, first)
    cursor.execute("ANALYZE")
    return time.monotonic() - began


def _use(cursor: psycopg.Cursor, accounts: int, events: int, first: int) -> None:
    """Write events of the last 89 days in the order of time, and their sums; indexes are built afterwards."""
    indexes = ("usage_event_subaccount", "usage_event_to", "usage_event_from")
    cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = ANY(%s)", [list(indexes)])
    made = [definition for (definition,) in cursor.fetchall()]
    for name in indexes:
        cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    values = {"base": _BASE + first, "accounts": accounts, "events": events}
    cursor.execute(
        """
        INSERT INTO subaccounts_usageevent
        SELECT %(base)s + (n::bigint * 7919) %% %(accounts)s, now() - interval '89 days' * (1 - n::float8 / %(events)s),
          gen_random_uuid(), NULL, 1 + n %% 5, 0.0214, 0.0214 * (1 + n %% 5), 'call', 'outbound',
          (ARRAY['NL', 'DE', 'US', 'GB'])[1 + n %% 4], 'completed', '+31201234567', '+3161' || lpad((n %% 10000000)::text, 7, '0'),
          '198.51.100.7'
        FROM generate_series(1, %(events)s) AS n""",
        values,
    )
    for definition in made:
        cursor.execute(definition.replace(" ON ONLY ", " ON "))
    cursor.execute(
        """
        INSERT INTO subaccounts_usageday (account_id, day, kind, direction, country, events, units, cost)
        SELECT account_id, (at AT TIME ZONE 'UTC')::date, kind, direction, country, count(*), sum(units), sum(cost)
        FROM subaccounts_usageevent WHERE account_id >= %(base)s GROUP BY 1, 2, 3, 4, 5""",
        values,
    )
