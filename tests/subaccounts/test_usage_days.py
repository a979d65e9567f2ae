"""Sums by day on pages: figures, bars, shares, subaccounts, the overview, days of the account."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from console.core.access import Actor
from subaccounts.models import UsageDay
from subaccounts.queries import usage_sums
from subaccounts.queries.usage_sums import Total
from subaccounts.usage_charts import draw_days, draw_shares
from tests.factories import make_subaccount
from tests.subaccounts.usage_steps import append, make_row

TODAY = date(2026, 3, 5)


@pytest.fixture
def used(cast):
    """Return a subaccount after some days of use."""
    part, _ = make_subaccount(cast.account, "Driver app")
    now = timezone.now()
    append(
        make_row(cast.account, cost=Decimal("10.00000"), units=100),
        make_row(
            cast.account,
            cost=Decimal("2.50000"),
            units=5,
            kind="message",
            country="DE",
            subaccount_id=part.pk,
        ),
        make_row(
            cast.account, cost=Decimal("1.25000"), at=now - timedelta(days=3), country="", direction="inbound"
        ),
        make_row(cast.account, cost=Decimal("99.00000"), at=now - timedelta(days=40)),
        make_row(cast.other_account, cost=Decimal("500.00000")),
    )
    return part


def _days(client, cast, **words):
    address = reverse("subaccounts:usage_days", kwargs={"account": cast.account.auth_id})
    return client.get(address, words)


def test_page_sums_the_accounts_days_by_country_and_subaccount(client, cast, used):
    cast.sign_in(client, "developer")
    response = _days(client, cast)
    assert response.context["usage"].total == Total(3, 107, Decimal("13.75000"))
    assert [(share.name, share.total.cost) for share in response.context["countries"]] == [
        ("Netherlands", Decimal("10.00000")),
        ("Germany", Decimal("2.50000")),
        ("Unknown", Decimal("1.25000")),
    ]
    assert [share.name for share in response.context["parts"]] == ["Main account", "Driver app"]
    body = response.content.decode()
    assert "$11.25" in body
    assert "102 minutes in 2 calls" in body
    assert body.count("<rect") >= 3
    assert "Show as a table" in body


@pytest.mark.parametrize(
    ("words", "cost"),
    [
        ({"period": "90"}, "112.75"),
        ({"kind": "message"}, "2.50"),
        ({"direction": "inbound"}, "1.25"),
        ({"subaccount": "part"}, "2.50"),
        ({"subaccount": "main"}, "11.25"),
    ],
)
def test_what_is_chosen_is_summed(client, cast, used, words, cost):
    cast.sign_in(client, "owner")
    words = {name: used.auth_id if text == "part" else text for name, text in words.items()}
    assert _days(client, cast, **words).context["usage"].total.cost == Decimal(cost)


def test_choice_that_means_nothing_is_said_so(client, cast, used):
    cast.sign_in(client, "owner")
    for words in ({"period": "15"}, {"subaccount": "SA0"}, {"kind": "rental"}):
        response = _days(client, cast, **words)
        assert response.status_code == 422
        assert "Nothing was drawn" in response.content.decode()


def test_deleted_subaccount_keeps_its_name(client, cast, used):
    used.deleted_at = timezone.now()
    used.save()
    cast.sign_in(client, "owner")
    assert "Driver app" in _days(client, cast).content.decode()
    assert _days(client, cast, subaccount=used.auth_id).context["usage"].total.events == 1


def test_credentials_of_a_subaccount_reach_its_own_sums(cast, used):
    actor = Actor(account=cast.account, subaccount_id=used.pk)
    today = timezone.localdate()
    other, _ = make_subaccount(cast.account)
    found = usage_sums.usage_of(actor, first=today - timedelta(days=50), last=today, subaccount_id=other.pk)
    assert found.total.cost == Decimal("2.50000")


def test_subaccount_is_summed_for_its_page(cast, used):
    today = timezone.localdate()
    first = today - timedelta(days=10)
    found = usage_sums.usage_of_subaccount(used, first=first, last=today)
    assert found == {"call": Total(), "message": Total(1, 5, Decimal("2.50000"))}
    spent = usage_sums.spent_by_subaccounts(cast.account, first=first, last=today)
    assert spent == {None: Decimal("11.25000"), used.pk: Decimal("2.50000")}
    assert usage_sums.month_of(date(2026, 2, 11)) == (date(2026, 2, 1), date(2026, 2, 28))


def test_overview_shows_usage_to_who_may_read_it(client, cast, used):
    home = reverse("overview", args=[cast.account.auth_id])
    cast.sign_in(client, "support")
    body = client.get(home).content.decode()
    assert "Usage by day" in body
    assert "$13.75" in body
    cast.sign_in(client, "analyst")
    assert "Usage by day" not in client.get(home).content.decode()
    UsageDay.objects.of(cast.account).delete()
    cast.sign_in(client, "owner")
    assert "No calls or messages in these days" in client.get(home).content.decode()


def _total(cost):
    return Total(1, 1, Decimal(cost))


def test_bars_stand_on_each_other_and_today_is_paler():
    days = {
        TODAY: {"call": _total("30"), "message": _total("10")},
        TODAY - timedelta(days=1): {"call": _total("80")},
    }
    chart = draw_days(days, first=TODAY - timedelta(days=13), last=TODAY, today=TODAY)
    call, message = chart.pieces[-2:]
    assert call.is_partial
    assert not chart.pieces[0].is_partial
    assert float(message.y[:-1]) + float(message.height[:-1]) == pytest.approx(float(call.y[:-1]), abs=0.02)
    assert [mark.text for mark in chart.lines] == ["$50", "$100"]
    assert chart.highest.day == TODAY - timedelta(days=1)
    assert chart.rows[0].total == 40
    assert len(chart.rows) == 14
    assert draw_days({}, first=TODAY, last=TODAY, today=TODAY) is None


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.decimals("0", "9999999", places=5), min_size=1, max_size=90).filter(any),
    st.booleans(),
)
def test_every_chart_stays_inside_its_frame(costs, ends_today):
    first = TODAY - timedelta(days=len(costs) - 1)
    days = {
        first + timedelta(days=n): {"call": _total(cost), "message": _total(cost)}
        for n, cost in enumerate(costs)
    }
    chart = draw_days(days, first=first, last=TODAY, today=TODAY if ends_today else date.max)
    assert 1 <= len(chart.lines) <= 3
    assert all(11.9 <= float(piece.y[:-1]) <= 86 for piece in chart.pieces)
    assert all(0 <= float(piece.x[:-1]) <= 100 for piece in chart.pieces)
    assert len(chart.ticks) <= 8


def test_small_shares_are_put_together():
    parts = {f"c{n:02d}": {"call": _total(n + 1)} for n in range(14)}
    shares = draw_shares(parts, names={}, nothing=Total(), rest="Other countries")
    assert len(shares) == 11
    assert shares[0].key == "c13"
    assert shares[-1].name == "Other countries"
    assert shares[-1].total == Total(4, 4, Decimal(10))
    assert shares[0].width == "100.00%"
    assert draw_shares({}, names={}, nothing=Total(), rest="") == ()
