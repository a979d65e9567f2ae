"""The usage log on its pages: filters, pages, one record, roles, other accounts, the file."""

import csv
import io
import os
import resource
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from subaccounts.models import UsageEvent
from subaccounts.queries import usage
from tests.factories import make_subaccount
from tests.subaccounts.usage_steps import append, fill, make_event, make_row


def _address(cast, name="usage_log", **arguments):
    return reverse(f"subaccounts:{name}", kwargs={"account": cast.account.auth_id, **arguments})


def _shown(response):
    return [row.event.to_number for row in response.context["rows"]]


@pytest.fixture
def mixed(cast):
    """Return a subaccount of an account whose events differ in everything that a filter asks for."""
    part, _ = make_subaccount(cast.account)
    now = timezone.now()
    append(
        make_row(cast.account, to_number="+31600000001", at=now - timedelta(hours=1)),
        make_row(
            cast.account,
            to_number="+4917000000002",
            at=now - timedelta(hours=30),
            kind="message",
            direction="inbound",
            country="DE",
            status="received",
            from_number="HALYARD",
            subaccount_id=part.pk,
        ),
        make_row(cast.other_account, to_number="+31600000009"),
    )
    return part


def test_log_shows_the_accounts_own_events_newest_first(client, cast, mixed):
    cast.sign_in(client, "support")
    response = client.get(_address(cast))
    assert _shown(response) == ["+31600000001", "+4917000000002"]
    body = response.content.decode()
    assert "$0.04280" in body
    assert "Warehouse" in body
    assert "Main account" in body
    assert "198.51.100.7" in body
    assert "usage/csv/" not in body


@pytest.mark.parametrize(
    "words",
    [
        {"kind": "message"},
        {"direction": "inbound"},
        {"country": "DE"},
        {"status": "received"},
        {"to_number": "49 170 0000 0002"},
        {"from_number": "HALYARD"},
        {"subaccount": "part"},
        {"until": "two hours ago"},
    ],
    ids=lambda words: next(iter(words)),
)
def test_filter_leaves_the_second_event_alone(client, cast, mixed, words):
    cast.sign_in(client, "owner")
    earlier = timezone.now() - timedelta(hours=2)
    said = {"part": mixed.auth_id, "two hours ago": f"{earlier:%Y-%m-%dT%H:%M}"}
    words = {name: said.get(text, text) for name, text in words.items()}
    assert _shown(client.get(_address(cast), words)) == ["+4917000000002"]


def test_main_account_and_times_can_be_asked_for(client, cast, mixed):
    cast.account.time_zone = "Asia/Tokyo"
    cast.account.save()
    cast.sign_in(client, "owner")
    assert _shown(client.get(_address(cast), {"subaccount": "main"})) == ["+31600000001"]
    with timezone.override("Asia/Tokyo"):
        since = timezone.localtime(timezone.now() - timedelta(hours=2))
    assert _shown(client.get(_address(cast), {"since": f"{since:%Y-%m-%dT%H:%M}"})) == ["+31600000001"]


@pytest.mark.parametrize(
    "words",
    [
        {"country": "XX"},
        {"kind": "fax"},
        {"status": "'"},
        {"subaccount": "SA000000000000000000"},
        {"since": "yesterday"},
        {"to_number": "1\x002"},
        {"from_number": "9" * 200},
        {"before": "1-2"},
        {"since": "2026-01-02T00:00", "until": "2026-01-01T00:00"},
    ],
    ids=str,
)
def test_filter_that_means_nothing_is_said_so(client, cast, mixed, words):
    cast.sign_in(client, "owner")
    response = client.get(_address(cast), words)
    assert response.status_code == 422
    assert _shown(response) == []
    assert client.post(_address(cast, "usage_csv") + "?kind=fax").status_code == 302


def test_empty_log_says_what_comes(client, cast):
    cast.sign_in(client, "owner")
    assert b"Nothing was used yet" in client.get(_address(cast)).content
    assert b"No call or message matches" in client.get(_address(cast), {"kind": "call"}).content
    assert b"Nothing was used on these days" in client.get(_address(cast, "usage_days")).content


def test_pages_follow_each_other_while_events_arrive(client, cast):
    fill(cast.account, 130, days=3)
    at = timezone.now() - timedelta(days=1)
    append(*[make_row(cast.account, at=at, to_number=f"tie-{n}") for n in range(60)])
    cast.sign_in(client, "owner")
    seen, address = [], _address(cast)
    while True:
        response = client.get(address)
        seen += [row.event.place for row in response.context["rows"]]
        append(make_row(cast.account, to_number="new"))
        if not response.context["earlier_url"]:
            break
        address = _address(cast) + response.context["earlier_url"]
    assert len(seen) == len(set(seen)) == 190
    back = client.get(_address(cast) + response.context["later_url"])
    assert [row.event.place for row in back.context["rows"]] == seen[100:150]
    assert [row.event.place for row in response.context["rows"]] == seen[150:]


def test_page_costs_the_same_queries_and_few_rows(client, cast):
    fill(cast.account, 10)
    cast.sign_in(client, "owner")
    counts = []
    for more in (0, 10_000):
        fill(cast.account, more)
        client.get(_address(cast))
        with CaptureQueriesContext(connection) as queries:
            client.get(_address(cast), {"country": "NL", "kind": "call"})
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize("words", [{}, {"to_number": "+31610000042"}], ids=["newest", "number"])
def test_plan_reads_an_index_and_leaves_months_out(cast, words):
    fill(cast.account, 5000, days=80)
    now = timezone.now()
    filters = usage.UsageFilters(since=now - timedelta(days=3), until=now, **words)
    rows = usage.events_of(Actor.system(cast.account), filters, now=now)
    plan = rows.order_by("-at", "-event_id")[:51].explain()
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan
    assert f"m{now - timedelta(days=60):%Y_%m}" not in plan


def test_record_is_shown_to_its_account_alone(client, cast, mixed):
    event = UsageEvent.objects.of(cast.account).order_by("at").first()
    foreign = UsageEvent.objects.of(cast.other_account).get()
    cast.sign_in(client, "developer")
    body = client.get(_address(cast, "usage_event", place=event.place)).content.decode()
    for text in ("HALYARD", "Germany", "2 segments at $0.02140 each", mixed.auth_id, str(event.event_id)):
        assert text in body
    for place in (foreign.place, "0-" + "0" * 32, "x", event.place + "0", event.place.replace("-", "+")):
        assert client.get(_address(cast, "usage_event", place=place)).status_code == 404


def test_what_is_older_than_kept_is_gone_before_it_is_deleted(client, cast, settings):
    event = make_event(cast.account, at=timezone.now() - timedelta(days=9))
    settings.CONSOLE_USAGE_DAYS = 5
    cast.sign_in(client, "owner")
    assert _shown(client.get(_address(cast))) == []
    assert client.get(_address(cast, "usage_event", place=event.place)).status_code == 404


@pytest.mark.parametrize(
    ("who", "read", "export"), [("admin", 200, 200), ("support", 200, 403), ("analyst", 403, 403)]
)
def test_roles_read_and_export(client, cast, mixed, who, read, export):
    cast.sign_in(client, who)
    assert client.get(_address(cast)).status_code == read
    assert client.get(_address(cast, "usage_days")).status_code == read
    assert client.post(_address(cast, "usage_csv")).status_code == export


def test_credentials_of_a_subaccount_reach_its_own_events(cast, mixed):
    actor = Actor(account=cast.account, subaccount_id=mixed.pk)
    page = usage.page_of(actor, usage.UsageFilters(), now=timezone.now())
    assert [event.to_number for event in page.events] == ["+4917000000002"]
    main = UsageEvent.objects.of(cast.account).get(subaccount=None)
    assert usage.find_event(actor, usage.read_place(main.place), now=timezone.now()) is None


def test_file_holds_what_the_filters_let_through_and_is_noted(client, cast, mixed):
    append(make_row(cast.account, from_number="=1+1", kind="message", units=1, cost=Decimal("0.00001")))
    cast.sign_in(client, "owner")
    response = client.post(_address(cast, "usage_csv") + "?kind=message")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [row["From"] for row in rows] == ["'=1+1", "HALYARD"]
    assert rows[0]["Cost (USD)"] == "0.00001"
    assert rows[1]["Subaccount Auth ID"] == mixed.auth_id
    event = AuditEvent.objects.get(kind=EventKind.USAGE_EXPORTED)
    assert event.data == {"filters": {"kind": "message"}}


def test_one_file_at_a_time(client, cast, mixed):
    cast.sign_in(client, "owner")
    first = client.post(_address(cast, "usage_csv"))
    assert client.post(_address(cast, "usage_csv")).status_code == 429
    b"".join(first.streaming_content)
    assert client.post(_address(cast, "usage_csv")).status_code == 200


@pytest.mark.parametrize("page", ["usage_log", "usage_days"])
@pytest.mark.parametrize("asked", ["\x00", "SA\x00", "nobody"])
def test_subaccount_that_cannot_be_is_refused(client, cast, page, asked):
    cast.sign_in(client, "support")
    assert client.get(_address(cast, page), {"subaccount": asked}).status_code == 422


def _memory():
    """Return the bytes of the process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.django_db(transaction=True)
def test_file_of_many_events_takes_constant_memory(client, cast):
    fill(cast.account, 100_000)
    with psycopg.connect(os.environ["TEST_OWN_SUPERUSER_URL"], autocommit=True) as owner:
        owner.execute("ANALYZE subaccounts_usageevent")
    cast.sign_in(client, "owner")
    lines, size, first = 0, 0, 0
    for number, piece in enumerate(client.post(_address(cast, "usage_csv")).streaming_content):
        lines, size = lines + piece.count(b"\r\n"), size + len(piece)
        first = _memory() if number == 5 else first
    assert lines == 100_001
    assert size > 10_000_000
    assert _memory() - first < 5_000_000
