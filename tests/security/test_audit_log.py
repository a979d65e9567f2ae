import csv
import json
import os
import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO

import psycopg
import pytest
import time_machine
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from console.core import audit_log, exports
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.models import AuditEvent
from console.core.requests import Origin
from security import services
from security.views import audit_rows
from security.views.audit import _pieces
from teams.roles import RIGHTS, Role

AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"
HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx")


def actor_of(cast, who="owner", *, ip="198.51.100.23", agent=AGENT):
    role = Role(who) if who in Role.values else Role.OWNER
    return Actor(
        user=cast.users[who],
        account=cast.account,
        rights=RIGHTS[role],
        origin=Origin(ip=ip, user_agent=agent, request_id="r-1"),
    )


def note(cast, count=1, *, kind=EventKind.ACCOUNT_UPDATED, actor=None, **data):
    values = data or {"before": {"name": "Old"}, "after": {"name": "New"}}
    with transaction.atomic():
        return [
            record(kind, actor=actor or actor_of(cast), target=cast.account, **values) for _ in range(count)
        ]


def url(cast, name="audit_log", **more):
    return reverse(f"security:{name}", kwargs={"account": cast.account.auth_id, **more})


@pytest.fixture
def owner(cast, client):
    return cast.sign_in(client, "owner")


def rows_of(response):
    return response.content.decode().count('role="rowheader"')


def read_csv(response):
    return list(csv.reader(StringIO(b"".join(response.streaming_content).decode(), newline="")))


def test_page_shows_who_did_what_when_and_from_where(owner, cast):
    note(cast)
    body = owner.get(url(cast)).content.decode()
    for words in (
        "Olivia Owner",
        "changed the company profile",
        "198.51.100.23",
        "Safari on macOS",
        "second factors are each member",
    ):
        assert words in body
    assert "Open audit log" in owner.get(f"/{cast.account.auth_id}/").content.decode()


def test_log_without_events_says_so(owner, cast):
    assert "Nothing happened yet" in owner.get(url(cast)).content.decode()


def test_personal_events_and_those_of_other_accounts_stay_out(owner, cast):
    with transaction.atomic():
        record(EventKind.PASSWORD_CHANGED, actor=Actor.person(cast.owner, origin=Origin()))
        record(EventKind.ACCOUNT_UPDATED, actor=Actor.system(cast.other_account))
    assert rows_of(owner.get(url(cast))) == 0


def test_pages_lead_back_and_forth_without_gaps(owner, cast):
    note(cast, 120)
    seen, address = [], url(cast)
    for expected in (50, 50, 20):
        response = owner.get(address)
        assert rows_of(response) == expected
        seen += [row.event.seq for row in response.context["rows"]]
        address = url(cast) + response.context["earlier_url"]
    assert seen == list(range(120, 0, -1))
    assert response.context["earlier_url"] == ""
    middle = owner.get(url(cast) + response.context["later_url"])
    assert [row.event.seq for row in middle.context["rows"]] == list(range(70, 20, -1))
    newest = owner.get(url(cast) + middle.context["later_url"])
    assert [row.event.seq for row in newest.context["rows"]] == list(range(120, 70, -1))
    assert newest.context["later_url"] == ""


def test_page_costs_the_same_for_ten_and_a_thousand_rows(owner, cast, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    note(cast, 10)
    with CaptureQueriesContext(
        connection,
    ) as few:
        owner.get(url(cast))
    note(cast, 990)
    with CaptureQueriesContext(connection) as many:
        assert rows_of(owner.get(url(cast))) == 50
    assert len(few) == len(many) <= 8


@pytest.mark.parametrize(
    ("field", "value", "count"),
    [
        ("who", "admin", 2),
        ("who", "system", 1),
        ("what", EventKind.CREDENTIAL_MADE, 1),
        ("what", "area:Account", 3),
        ("where", "203.0.113.0/24", 2),
        ("where", "203.0.113.9", 2),
        ("where", "::ffff:203.0.113.9", 2),
        ("where", "2001:db8::/32", 1),
        ("where", "192.0.2.0/24", 0),
    ],
)
def test_filters_let_through_what_fits(owner, cast, field, value, count):
    note(cast, 1)
    note(cast, 2, actor=actor_of(cast, "admin", ip="203.0.113.9"))
    note(cast, 1, kind=EventKind.CREDENTIAL_MADE, actor=actor_of(cast, ip="2001:db8::1"), token="a…b")
    note(cast, 1, kind=EventKind.TRIAL_CREDIT_GRANTED, actor=Actor.system(cast.account), amount="10")
    value = str(cast.admin.public_id) if value == "admin" else str(value)
    response = owner.get(url(cast), {field: value})
    assert rows_of(response) == count
    assert ("No event matches" in response.content.decode()) == (count == 0)


def test_days_are_those_of_the_account_and_both_included(owner, cast):
    cast.account.time_zone = "America/New_York"
    cast.account.save()
    # 03:30 UTC on the 4th is still the evening of the 3rd in New York.
    with time_machine.travel("2026-03-04T03:30:00+00:00", tick=False):
        note(cast)
    for since, until, count in (
        ("2026-03-03", "2026-03-03", 1),
        ("2026-03-04", "", 0),
        ("", "2026-03-02", 0),
        ("2026-03-02", "2026-03-04", 1),
    ):
        assert rows_of(owner.get(url(cast), {"since": since, "until": until})) == count
    event = AuditEvent.objects.get(chain=audit_log.chain_of(cast.account))
    assert "22:30:00 EST" in owner.get(url(cast, "audit_event", public_id=event.public_id)).content.decode()


def test_filters_stay_in_the_address_of_every_link(owner, cast):
    note(cast, 60)
    response = owner.get(url(cast), {"where": "198.51.100.0/24", "what": "account:updated"})
    body = response.content.decode()
    assert "where=198.51.100.0%2F24" in response.context["earlier_url"]
    assert body.count("what=account%3Aupdated&amp;where=198.51.100.0%2F24") >= 3


@pytest.mark.parametrize(
    "query",
    [
        {"where": "198.51.100.999"},
        {"where": "fe80::1%eth0"},
        {"since": "2026-03-05", "until": "2026-03-04"},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"who": str(uuid.uuid4())},
        {"what": "nothing:known"},
        {"before": "0"},
        {"before": "x" * 200},
    ],
)
def test_filter_that_makes_no_sense_is_refused(owner, cast, query):
    note(cast)
    response = owner.get(url(cast), query)
    assert response.status_code == 422
    assert rows_of(response) == 0
    assert (
        owner.post(f"{url(cast, 'audit_csv')}?{'&'.join(f'{k}={v}' for k, v in query.items())}").status_code
        == 302
    )


def test_detail_shows_changes_and_place_in_the_chain(owner, cast):
    event = note(cast, 2, before={"name": "Old & Co"}, after={"name": "<New>"}, reason="merger")[1]
    event.refresh_from_db()
    body = owner.get(url(cast, "audit_event", public_id=event.public_id)).content.decode()
    for words in (
        "Old &amp; Co",
        "&lt;New&gt;",
        "merger",
        "r-1",
        AGENT,
        bytes(event.digest).hex(),
        bytes(event.previous).hex(),
    ):
        assert words in body


def test_foreign_and_personal_events_are_not_found(owner, cast):
    with transaction.atomic():
        foreign = record(EventKind.ACCOUNT_UPDATED, actor=Actor.system(cast.other_account))
        personal = record(EventKind.PASSWORD_CHANGED, actor=Actor.person(cast.owner, origin=Origin()))
    for event in (foreign, personal):
        assert owner.get(url(cast, "audit_event", public_id=event.public_id)).status_code == 404
        assert owner.get(url(cast, "audit_result", public_id=event.public_id)).status_code == 404


def test_only_owner_and_admin_see_the_log(client, cast):
    for who in ("developer", "support", "analyst"):
        assert cast.sign_in(client, who).get(url(cast)).status_code == 403
        assert "Audit log" not in client.get(f"/{cast.account.auth_id}/").content.decode()


def test_csv_is_safe_against_formulas_and_quoted(owner, cast):
    for text in (*HOSTILE, 'say "hi", then\r\nleave'):
        cast.owner.full_name = text
        note(cast, actor=actor_of(cast, agent=text), reason=text)
    response = owner.post(url(cast, "audit_csv"))
    assert response["Content-Disposition"].startswith(
        f'attachment; filename="audit-log-{cast.account.auth_id}-'
    )
    header, *rows = read_csv(response)
    by, agent = header.index("By"), header.index("User agent")
    assert len(rows) == 7
    assert {len(row) for row in rows} == {len(header)}
    assert [row[agent] for row in reversed(rows)] == [
        *(f"'{text}" for text in HOSTILE),
        'say "hi", then\r\nleave',
    ]
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert rows[-1][by] == "'=1+1"
    assert int(rows[-1][header.index("Place in chain")]) == 1


def test_csv_lines_end_with_crlf_and_nul_is_safe():
    assert exports.csv_text([["a", 1], ["\0x", -5]]) == "a,1\r\n'\0x,-5\r\n"


def test_json_holds_what_the_digest_covers(owner, cast):
    note(cast, 3)
    response = owner.post(url(cast, "audit_json"))
    found = json.loads(b"".join(response.streaming_content))
    assert found["account"] == cast.account.auth_id
    assert [event["seq"] for event in found["events"]] == [3, 2, 1]
    assert found["events"][0]["previous"] == found["events"][1]["digest"]
    assert found["events"][0]["data"]["after"] == {"name": "New"}


def test_empty_json_is_json(owner, cast):
    assert json.loads(b"".join(owner.post(url(cast, "audit_json")).streaming_content))["events"] == []


def test_export_respects_filters_and_is_recorded(owner, cast):
    note(cast, 2)
    note(cast, 1, kind=EventKind.CREDENTIAL_MADE, token="a…b")
    rows = read_csv(owner.post(f"{url(cast, 'audit_csv')}?what=credential:made"))
    assert len(rows) == 2
    event = AuditEvent.objects.get(kind=EventKind.AUDIT_LOG_EXPORTED)
    assert event.chain == audit_log.chain_of(cast.account)
    assert event.data == {"format": "csv", "filters": {"what": "credential:made"}}


def test_export_reads_in_batches_of_one_query_each(owner, cast, django_assert_max_num_queries):
    note(cast, 30)
    chain = audit_log.chain_of(cast.account)
    with django_assert_max_num_queries(4):
        sizes = [
            len(batch) for batch in audit_log.iter_events(chain, audit_log.Filters(), before=31, size=10)
        ]
    assert sizes == [10, 10, 10]


def test_second_export_waits_for_the_first(owner, cast):
    note(cast)
    first = owner.post(url(cast, "audit_csv"))
    refused = owner.post(url(cast, "audit_json"))
    assert refused.status_code == 429
    assert "already running" in refused.content.decode()
    read_csv(first)
    assert owner.post(url(cast, "audit_json")).status_code == 200


def test_reader_that_goes_away_frees_the_place(owner, cast):
    note(cast, 3)
    batches = services.export_log(
        actor=actor_of(cast), filters=audit_log.Filters(), file_format="csv", now=timezone.now()
    )
    pieces = _pieces(batches, audit_rows.csv_file)
    assert next(pieces).startswith(b"Time")
    next(pieces)
    assert owner.post(url(cast, "audit_csv")).status_code == 429
    pieces.close()
    assert owner.post(url(cast, "audit_csv")).status_code == 200


def test_place_of_a_dead_process_is_free_after_a_minute(cast):
    now = datetime(2026, 3, 3, 8, tzinfo=UTC)
    keys = {"actor": actor_of(cast), "filters": audit_log.Filters(), "file_format": "csv"}
    services.export_log(**keys, now=now)
    assert services.export_log(**keys, now=now + timedelta(seconds=61))


def test_export_by_link_does_nothing(owner, cast):
    assert owner.get(url(cast, "audit_csv")).status_code == 405
    assert not AuditEvent.objects.filter(kind=EventKind.AUDIT_LOG_EXPORTED).exists()


def test_verify_finds_the_chain_whole_and_is_recorded(owner, cast):
    note(cast, 5)
    head = audit_log.head_of(audit_log.chain_of(cast.account))
    response = owner.post(url(cast, "audit_verify"))
    body = owner.get(response.url).content.decode()
    assert "The log holds." in body
    assert head.digest in body
    event = AuditEvent.objects.get(kind=EventKind.AUDIT_LOG_VERIFIED)
    assert (event.data["length"], event.data["flaw_count"]) == (5, 0)


@pytest.mark.django_db(transaction=True)
def test_verify_names_what_was_tampered_with(cast, client):
    cast.sign_in(client, "owner")
    note(cast, 4)
    with psycopg.connect(os.environ["TEST_OWN_SUPERUSER_URL"], autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("UPDATE core_auditevent SET actor_label = 'Nobody' WHERE seq = 2")
    body = client.get(client.post(url(cast, "audit_verify")).url).content.decode()
    assert "The log does not hold." in body
    assert "The row was changed" in body


def test_verification_is_limited(owner, cast):
    for _ in range(20):
        assert owner.post(url(cast, "audit_verify")).status_code == 302
    assert owner.post(url(cast, "audit_verify")).status_code == 429
