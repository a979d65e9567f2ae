"""Reported usage is rated, logged and charged, once for each event, and refused alone when it is broken."""

import json
import threading
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from billing import services
from billing.models import LedgerEntry, TakenEvent
from billing.queries import money_of
from subaccounts.models import MonthSpend, SpendLimit, UsageDay, UsageEvent
from tests.billing.price_lists import publish
from tests.factories import make_account, make_subaccount

NOW = timezone.now()
URL = "/internal/usage/"


@pytest.fixture
def payer(db):
    account = make_account()
    publish()
    services.post_entry(account=account, kind="recharge", amount=Decimal(100), key="r", now=NOW)
    return account


def event(auth_id, **fields):
    return {
        "id": str(uuid.uuid4()),
        "auth_id": auth_id,
        "kind": "call",
        "direction": "outbound",
        "at": (NOW - timedelta(minutes=5)).isoformat(),
        "quantity": 61,
        "from": "+12025550123",
        "to": "+4915112345678",
        "status": "completed",
        **fields,
    }


def take(*events, now=NOW):
    return services.take_usage(events=events, now=now)


def report(client, events, key="test-usage-key"):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(URL, json.dumps({"events": events}), content_type="application/json", headers=headers)


def test_batch_is_rated_logged_and_charged(client, payer):
    sub, _ = make_subaccount(payer)
    text = event(sub.auth_id, kind="message", status="sent", quantity=3, country="DE")
    answer = report(client, [event(payer.auth_id), text])
    assert answer.status_code == 200
    body = answer.json()
    assert (body["accepted"], body["duplicates"], body["refused"], body["stopped"]) == (2, 0, [], [])
    assert body["amount"] == "0.31620"  # two started minutes at 0.02460, three segments at 0.08900
    assert money_of(payer).balance == Decimal("99.68380")
    call, message = LedgerEntry.objects.of(payer).filter(kind="usage").order_by("id")
    assert (call.service, call.amount, call.subaccount_id) == ("call", Decimal("-0.04920"), None)
    assert (message.service, message.amount, message.subaccount_id) == (
        "message",
        Decimal("-0.26700"),
        sub.pk,
    )
    assert (call.note, message.note) == ("2 minutes to 1 country", "3 segments to 1 country")
    assert UsageEvent.objects.of(payer).count() == 2
    assert {row.cost for row in UsageDay.objects.of(payer)} == {Decimal("0.04920"), Decimal("0.26700")}
    assert MonthSpend.objects.of(payer).get().amount == Decimal("0.26700")


def test_repetition_changes_nothing_and_another_event_with_the_id_is_refused(payer):
    first = event(payer.auth_id)
    assert take(first, first).accepted == 1
    again = take(first, first | {"quantity": 600})
    assert (again.accepted, again.duplicates) == (0, 1)
    assert [(each.index, each.code) for each in again.refused] == [(1, "id_reused")]
    assert LedgerEntry.objects.of(payer).filter(kind="usage").count() == 1


BROKEN = {
    "not_an_object": 7,
    "no id": {"id": None},
    "bad id": {"id": "7"},
    "foreign": {"auth_id": "MA" + "Z" * 18},
    "kind": {"kind": "fax"},
    "status of messages": {"status": "delivered"},
    "without offset": {"at": "2026-11-22T10:00:00"},
    "far ahead": {"at": (NOW + timedelta(days=1)).isoformat()},
    "too old": {"at": (NOW - timedelta(days=91)).isoformat()},
    "truth": {"quantity": True},
    "negative": {"quantity": -1},
    "endless": {"quantity": 10**9},
    "nul": {"to": "+49\x00151"},
    "zone": {"ip": "fe80::1%eth0"},
    "no price": {"to": "+4420712345678"},
    "network": {"network": "x" * 81},
}


def test_each_broken_event_is_refused_alone_with_its_place(payer):
    batch = [
        value if name == "not_an_object" else event(payer.auth_id) | value for name, value in BROKEN.items()
    ]
    result = take(*batch, event(payer.auth_id))
    assert result.accepted == 1
    assert [each.index for each in result.refused] == list(range(len(BROKEN)))
    codes = {each.code for each in result.refused}
    assert {
        "not_an_object",
        "missing",
        "wrong_value",
        "unknown_auth_id",
        "no_price",
        "too_old_or_ahead",
    } <= codes
    assert TakenEvent.objects.count() == 1


@pytest.mark.parametrize("key", ["", "wrong", "test-usage-keyx"])
def test_nobody_reports_without_the_key(client, payer, key):
    answer = report(client, [event(payer.auth_id)], key=key)
    assert answer.status_code == 401
    assert not TakenEvent.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"events": 1}', 400), (b'{"events": [' + b"1," * 1000 + b"1]}", 413)],
)
def test_body_that_is_no_batch_is_refused(client, db, body, status):
    headers = {"Authorization": "Bearer test-usage-key"}
    answer = client.post(URL, body, content_type="application/json", headers=headers)
    assert answer.status_code == status


def test_without_a_key_in_the_settings_everybody_is_refused(client, payer, settings):
    settings.USAGE_KEY = ""
    assert report(client, [], key="").status_code == 401


def test_exhausted_balance_stops_usage_until_it_is_filled(payer):
    services.post_entry(account=payer, kind="usage", amount=Decimal("-99.96"), key="u", now=NOW)
    crossing = take(event(payer.auth_id))
    assert (crossing.accepted, crossing.stopped) == (1, {payer.auth_id: "balance_exhausted"})
    late = event(payer.auth_id)
    assert [each.code for each in take(late).refused] == ["balance_exhausted"]
    services.post_entry(account=payer, kind="recharge", amount=Decimal(5), key="r2", now=NOW)
    assert take(late).accepted == 1


def test_postpaid_account_goes_below_nothing(payer):
    Account.objects.filter(pk=payer.pk).update(billing_mode="postpaid")
    services.post_entry(account=payer, kind="usage", amount=Decimal(-100), key="u", now=NOW)
    assert take(event(payer.auth_id)).accepted == 1


def test_hard_limit_stops_its_subaccount_alone(payer):
    (sub, _), (sibling, _) = make_subaccount(payer), make_subaccount(payer)
    SpendLimit.objects.create(account=payer, subaccount=sub, amount=Decimal("0.04"), changed_at=NOW)
    assert take(event(sub.auth_id)).stopped == {sub.auth_id: "spend_limit_reached"}
    result = take(event(sub.auth_id), event(sibling.auth_id), event(payer.auth_id))
    assert [(each.index, each.code) for each in result.refused] == [(0, "spend_limit_reached")]
    assert result.accepted == 2


def test_disabled_subaccount_and_closed_account_use_nothing(payer):
    sub, _ = make_subaccount(payer)
    sub.identity.is_enabled = False
    sub.identity.save()
    assert [each.code for each in take(event(sub.auth_id)).refused] == ["subaccount_disabled"]
    Account.objects.filter(pk=payer.pk).update(state=Account.State.CLOSED)
    assert [each.code for each in take(event(payer.auth_id)).refused] == ["account_not_active"]


def test_deleted_subaccount_owes_for_what_it_used_before(payer):
    sub, _ = make_subaccount(payer, is_enabled=False, deleted_at=NOW - timedelta(minutes=7))
    early = event(sub.auth_id, at=(NOW - timedelta(minutes=9)).isoformat())
    result = take(early, event(sub.auth_id))
    assert result.accepted == 1
    assert [(each.index, each.code) for each in result.refused] == [(1, "subaccount_disabled")]


def test_eight_at_once_charge_each_event_once(transactional_db):
    account = make_account()
    publish()
    services.post_entry(account=account, kind="recharge", amount=Decimal(100), key="r", now=NOW)
    events = [event(account.auth_id) for _ in range(30)]
    results = []

    def run(turn):
        results.append(take(*events[turn:], *events[:turn]))
        connection.close()

    threads = [threading.Thread(target=run, args=(turn,)) for turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.accepted for result in results) == 30
    assert sum(result.duplicates for result in results) == 210
    assert money_of(account).balance == Decimal(100) - 30 * Decimal("0.04920")
    assert services.verify_ledger(now=NOW).is_good


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.data())
def test_order_batches_and_repetitions_make_no_difference(payer, plan):
    account = make_account()
    services.post_entry(account=account, kind="recharge", amount=Decimal(100), key="r", now=NOW)
    names = [account.auth_id, make_subaccount(account)[0].auth_id]
    kinds = [
        {},
        {"quantity": 600},
        {"to": "+4930123456"},
        {"kind": "message", "status": "sent", "quantity": 2, "country": "DE"},
    ]
    events = [event(names[turn % 2], **kinds[turn % 4]) for turn in range(8)]
    sent = plan.draw(st.permutations(events)) + plan.draw(st.lists(st.sampled_from(events), max_size=8))
    size = plan.draw(st.integers(1, len(sent)))
    for start in range(0, len(sent), size):
        take(*sent[start : start + size])
    costs = [Decimal("0.04920"), Decimal("0.24600"), Decimal("0.01960"), Decimal("0.17800")]
    assert money_of(account).balance == Decimal(100) - 2 * sum(costs)
    assert UsageEvent.objects.of(account).count() == 8
    by_payer = {}
    for entry in LedgerEntry.objects.of(account).filter(kind="usage"):
        key = (entry.subaccount_id is None, entry.service)
        by_payer[key] = by_payer.get(key, 0) - entry.amount
    assert by_payer == {
        (True, "call"): 2 * (costs[0] + costs[2]),
        (False, "call"): 2 * costs[1],
        (False, "message"): 2 * costs[3],
    }


def test_ids_are_forgotten_when_their_events_are_too_old_to_come_again(payer):
    take(event(payer.auth_id))
    assert services.forget_taken(now=NOW + timedelta(days=91)) == 0
    assert services.forget_taken(now=NOW + timedelta(days=93)) == 1
