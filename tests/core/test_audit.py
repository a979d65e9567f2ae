"""The audit log is append-only, chained, and stays so under concurrent writers."""

import os
import threading

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from console.core import audit
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.models import AuditChain, AuditEvent
from tests.factories import make_account


def _record(account, count=1):
    with transaction.atomic():
        return [record(EventKind.ACCOUNT_UPDATED, actor=Actor.system(account), n=n) for n in range(count)]


def _as_superuser(statement, *values):
    """Tamper with the table as somebody who can switch the triggers off."""
    with psycopg.connect(os.environ["TEST_OWN_SUPERUSER_URL"], autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(statement, values)


def test_record_needs_a_transaction(transactional_db):
    with pytest.raises(RuntimeError):
        record(EventKind.STAFF_MADE, actor=Actor.system())


def test_events_of_one_account_form_one_chain(db):
    first, second = make_account("One"), make_account("Two")
    _record(first, 3)
    _record(second, 2)
    events = AuditEvent.objects.filter(chain=f"account:{first.pk}").order_by("seq")
    assert [event.seq for event in events] == [1, 2, 3]
    assert bytes(events[1].previous) == bytes(events[0].digest)
    assert AuditChain.objects.get(name=f"account:{second.pk}").length == 2
    assert audit.verify() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditevent SET kind = 'x'",
        "DELETE FROM core_auditevent",
        "TRUNCATE core_auditevent CASCADE",
        "UPDATE core_auditchain SET length = 0",
        "INSERT INTO core_auditchain (name, length, head) VALUES ('x', 1, '')",
    ],
)
def test_application_role_cannot_change_the_log(db, statement):
    _record(make_account())
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditevent SET kind = 'x'",
        "DELETE FROM core_auditevent",
        "TRUNCATE core_auditevent CASCADE",
    ],
)
def test_triggers_refuse_even_the_owner_of_the_tables(transactional_db, statement):
    _record(make_account())
    owner_url = os.environ["OWNER_DATABASE_URL"]
    with (
        psycopg.connect(owner_url) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute(statement)


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("UPDATE core_auditevent SET ip = '10.0.0.1' WHERE seq = 2", "changed"),
        ("UPDATE core_auditevent SET data = '{\"n\": 9}' WHERE seq = 2", "changed"),
        ("DELETE FROM core_auditevent WHERE seq = 2", "missing"),
        ("DELETE FROM core_auditevent WHERE seq = 4", "end of the chain"),
        ("UPDATE core_auditevent SET seq = 9 - seq WHERE seq IN (2, 3)", "changed"),
    ],
)
def test_tampering_shows(transactional_db, tampering, problem):
    _record(make_account(), 4)
    _as_superuser(tampering)
    flaws = audit.verify()
    assert any(problem in flaw.problem for flaw in flaws)
    with pytest.raises(CommandError):
        call_command("verify_audit_log")


def test_chain_holds_under_eight_concurrent_writers(transactional_db):
    account = make_account()

    def write():
        for _ in range(10):
            _record(account)
        connection.close()

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert AuditChain.objects.get(name=f"account:{account.pk}").length == 80
    assert audit.verify(f"account:{account.pk}") == []
    call_command("verify_audit_log", chain=f"account:{account.pk}")


def test_forged_place_in_the_chain_is_overwritten(db):
    account = make_account()
    _record(account)
    event = AuditEvent.objects.create(
        chain=f"account:{account.pk}",
        kind="x",
        actor_kind="user",
        seq=99,
        digest=b"forged",
        previous=b"forged",
    )
    event.refresh_from_db()
    assert event.seq == 2
    assert audit.verify() == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_log_is_read_in_parts_and_each_part_follows_the_one_before(transactional_db, size):
    accounts = [make_account(f"Company {number}") for number in range(3)]
    for account in accounts:
        _record(account, 7)
    assert audit.verify(size=size) == []
    assert audit.verify(f"account:{accounts[1].pk}", size=size) == []
    for seq in (1, 2, 6, 7):
        _as_superuser(
            "UPDATE core_auditevent SET data = data || '{\"x\": 1}' WHERE chain = %s AND seq = %s",
            f"account:{accounts[1].pk}",
            seq,
        )
    expected = [(f"account:{accounts[1].pk}", seq, "the row was changed") for seq in (1, 2, 6, 7)]
    for chain in (None, f"account:{accounts[1].pk}"):
        assert [(flaw.chain, flaw.seq, flaw.problem) for flaw in audit.verify(chain, size=size)] == expected
    assert audit.verify(f"account:{accounts[0].pk}", size=size) == []


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_gap_shows_where_one_part_ends(transactional_db, size):
    account = make_account()
    _record(account, 5)
    _as_superuser("DELETE FROM core_auditevent WHERE chain = %s AND seq = 3", f"account:{account.pk}")
    assert [(flaw.seq, flaw.problem) for flaw in audit.verify(size=size)] == [
        (4, "an event before it is missing")
    ]


def test_rows_put_after_the_end_or_into_no_chain_show(transactional_db):
    account = make_account()
    _record(account, 2)
    chain = f"account:{account.pk}"
    _as_superuser(
        "UPDATE core_auditchain SET length = 1, head = (SELECT digest FROM core_auditevent WHERE chain = %s AND seq = 1) WHERE name = %s",
        chain,
        chain,
    )
    assert [(flaw.seq, flaw.problem) for flaw in audit.verify(chain)] == [
        (2, "it was added past the end of the chain")
    ]
    _as_superuser("DELETE FROM core_auditchain WHERE name = %s", chain)
    assert [flaw.seq for flaw in audit.verify()] == [1, 2]


def test_verifying_keeps_up_with_writers_and_ends(transactional_db):
    account, over, failed = make_account(), threading.Event(), []
    _record(account, 20)

    def write():
        while not over.is_set():
            _record(account)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            failed += audit.verify(f"account:{account.pk}", size=4)
    finally:
        over.set()
        writer.join()
    assert failed == []
