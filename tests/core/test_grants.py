"""The application's role may do to each table what its work needs, and nothing else (ASVS 13.2.2)."""

import pytest
from django.conf import settings
from django.db import connection

from console.core.management.commands import migrate

EVERYDAY = {"SELECT", "INSERT", "UPDATE", "DELETE"}
_GRANTS = """
SELECT c.relname, array_agg(DISTINCT g.privilege_type) FILTER (WHERE g.grantee = r.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
CROSS JOIN pg_roles r
LEFT JOIN LATERAL aclexplode(c.relacl) g ON true
WHERE r.rolname = %s AND c.relkind IN ('r', 'p', 'v', 'm')
GROUP BY c.relname
"""


def _ask(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


@pytest.fixture
def role(db):
    return settings.DATABASES["default"]["USER"]


def test_tables_grant_what_the_work_needs(role):
    found = {table: set(rights or []) for table, rights in _ask(_GRANTS, role)}
    for table, rights in found.items():
        if table in migrate._READ_ONLY:
            assert rights == {"SELECT"}, table
        elif table in migrate._APPEND_ONLY:
            assert rights == {"SELECT", "INSERT"}, table
        elif table in migrate._FINAL:
            assert rights == {"SELECT", "INSERT", "DELETE"}, table
        else:
            assert rights == EVERYDAY, table
    assert {"core_auditevent", "core_auditchain", "billing_ledgerentry"} <= set(found)


def test_role_owns_nothing_and_has_no_powers(role):
    powers = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    assert _ask(f"SELECT {powers} FROM pg_roles WHERE rolname = %s", role) == [(False,) * 5]
    owned = "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = %s"
    assert _ask(owned, role) == [(0,)]
    members = (
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %s"
    )
    assert _ask(members, role) == [(0,)]
    may_create = "SELECT has_schema_privilege(%s, 'public', 'CREATE')"
    assert _ask(may_create, role) == [(False,)]


def test_everybody_else_may_do_nothing(role):
    open_to_all = """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
        CROSS JOIN LATERAL aclexplode(c.relacl) g WHERE g.grantee = 0
    """
    assert _ask(open_to_all) == []
