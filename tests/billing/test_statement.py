"""The statement: sums that hold, pages by place, filters, another account's money, the file."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from billing import services
from billing.models import LedgerEntry
from billing.queries.statement import balance_on
from console.core.models import AuditEvent
from tests.factories import make_subaccount

ZONE = ZoneInfo("UTC")
NOW = timezone.now()
_FILL = """
WITH made AS (
  INSERT INTO billing_ledgerentry (public_id, account_id, kind, service, cause, amount, balance_after, note,
    idempotency_key, at)
  SELECT gen_random_uuid(), %(account)s, 'usage', 'call', '', -1, 100000 - n, '', 'f' || n, now() - n * interval '1 ms'
  FROM generate_series(1, %(count)s) AS n
)
UPDATE billing_balance SET amount = 100000 - %(count)s WHERE account_id = %(account)s
"""


@pytest.fixture
def account(cast):
    account = cast.account
    account.created_at = NOW - timedelta(days=400)
    account.save()
    return account


def post(account, amount, key, at=NOW, kind="recharge", **more):
    return services.post_entry(account=account, kind=kind, amount=Decimal(amount), key=key, now=at, **more)


def page_of(client, account, **query):
    return client.get(reverse("billing:statement", kwargs={"account": account.auth_id}), query)


def month(at):
    return f"{at:%Y-%m}"


def test_owner_reads_opening_movements_and_closing_of_a_month(client, cast, account):
    before = (NOW.replace(day=1) - timedelta(days=20)).astimezone(ZONE)
    post(account, "50", "a", at=before)
    sub, _ = make_subaccount(account, "Dispatch EU")
    post(account, "-4.5", "b", kind="usage", service="message", subaccount_id=sub.pk, note="9 segments")
    post(account, "-0.00650", "c", kind="usage", service="call")
    cast.sign_in(client, "analyst")
    text = page_of(client, account).content.decode()
    assert "Opening $50.00" in text
    assert "out $4.51" in text
    assert "Dispatch EU" in text
    assert "\N{MINUS SIGN}$0.00650" in text
    assert "2 of 2 entries" in text
    earlier = page_of(client, account, month=month(before)).content.decode()
    assert "Opening $0.00" in earlier
    assert "+$50.00" in earlier


@pytest.mark.parametrize("who", ["developer", "support"])
def test_roles_without_billing_see_no_money(client, cast, account, who):
    cast.sign_in(client, who)
    assert page_of(client, account).status_code == 403


def test_filters_narrow_the_entries_and_not_the_sums(client, cast, account):
    sub, _ = make_subaccount(account, "Dispatch EU")
    post(account, "50", "a")
    post(account, "-3", "b", kind="usage", service="call", subaccount_id=sub.pk)
    post(account, "-2", "c", kind="rental")
    cast.sign_in(client, "owner")
    for query, found in (
        ({"kind": "usage"}, 1),
        ({"subaccount": "main"}, 2),
        ({"subaccount": sub.auth_id}, 1),
    ):
        text = page_of(client, account, **query).content.decode()
        assert f"{found} of 3 entries" in text
        assert "now <strong>$45.00" in text


def test_day_shows_what_was_there_when_it_ended(client, cast, account):
    past = NOW - timedelta(days=3)
    post(account, "50", "a", at=past - timedelta(days=1))
    post(account, "-20", "b", at=past, kind="usage")
    post(account, "-5", "c", kind="usage")
    assert balance_on(account, past.date()) == Decimal(30)
    cast.sign_in(client, "owner")
    text = page_of(client, account, until=f"{past:%Y-%m-%d}").content.decode()
    assert "then <strong>$30.00" in text


@pytest.mark.parametrize(
    "query",
    [{"until": "2999-01-01"}, {"month": "1999-01"}, {"before": "x"}, {"kind": "gift"}, {"until": "\x00"}],
)
def test_unknown_filter_is_refused_beside_it(client, cast, account, query):
    cast.sign_in(client, "owner")
    assert page_of(client, account, **query).status_code == 422


def test_ten_thousand_entries_page_both_ways_with_as_many_queries_as_ten(
    client, cast, account, django_assert_max_num_queries
):
    post(account, "100000", "a", at=NOW - timedelta(days=40))
    with connection.cursor() as cursor:
        cursor.execute(_FILL, {"account": account.pk, "count": 10_000})
    cast.sign_in(client, "owner")
    with django_assert_max_num_queries(11):
        first = page_of(client, account)
    seen = [entry for day in first.context["page"].days for entry in day.entries]
    home = reverse("billing:statement", kwargs={"account": account.auth_id})
    second = client.get(home + first.context["earlier_url"])
    older = [entry for day in second.context["page"].days for entry in day.entries]
    assert len(seen) == len(older) == 50
    assert older[0].at < seen[-1].at
    back = client.get(home + second.context["later_url"])
    assert [entry.pk for day in back.context["page"].days for entry in day.entries] == [
        each.pk for each in seen
    ]


def test_file_holds_the_month_and_the_audit_log_says_who_took_it(client, cast, account):
    post(account, "50", "a", note="=1+1")
    post(account, "-3", "b", kind="usage", service="call")
    cast.sign_in(client, "owner")
    address = reverse("billing:statement_csv", kwargs={"account": account.auth_id})
    answer = client.post(address)
    lines = b"".join(answer.streaming_content).decode().split("\r\n")
    assert lines[0].startswith("time,entry,service,note,subaccount,amount_usd,balance_usd")
    assert len(lines) == 4
    assert "'=1+1" in lines[2]
    assert AuditEvent.objects.filter(account_id=account.pk, kind="statement:exported").count() == 1
    refused = client.post(f"{address}?month=1999-01")
    assert refused.status_code == 302


def test_nobody_reads_another_account(client, cast, account):
    post(cast.other_account, "50", "a")
    cast.sign_in(client, "owner")
    assert page_of(client, cast.other_account).status_code == 404
    assert b"$50.00" not in page_of(client, account).content
    assert LedgerEntry.objects.of(account).count() == 0
