"""The longest prefix, the date and the contract decide; SQL and Python always agree."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import pricing
from billing.models import Price, PriceList
from billing.pricing import Rate, Usage
from billing.queries import all_rates, rated_sql
from tests.billing.price_lists import GERMANY, LONG_AGO, publish
from tests.factories import make_account

DAY = datetime(2026, 3, 5, tzinfo=UTC)


def _rate(prefix, rate, *, starts_at=LONG_AGO, **fields):
    values = {"service": "voice", "direction": "outbound", "country": "DE", "number_type": "local"} | fields
    return Rate(prefix=prefix, rate=None if rate is None else Decimal(rate), starts_at=starts_at, **values)


def _call(number="4930123456", **fields):
    return Usage(
        **{"service": "voice", "direction": "outbound", "at": DAY, "quantity": 61, "number": number} | fields
    )


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([_rate("49", "1"), _rate("4930", "2")], "2"),
        ([_rate("49", "1"), _rate("4931", "2")], "1"),
        ([_rate("50", "1")], None),
        ([_rate("49", "1"), _rate("49", "3", starts_at=DAY)], "3"),
        ([_rate("49", "1"), _rate("49", "3", starts_at=DAY + timedelta(seconds=1))], "1"),
        ([_rate("49", "1", order=1), _rate("49", "3", order=2)], "3"),
        ([_rate("49", "1"), _rate("4930", "2"), _rate("4930", None, starts_at=DAY)], "1"),
        ([_rate("49", "1"), _rate("49", "0.5", is_contract=True)], "0.5"),
        # A contract for the country leaves the price of a longer prefix alone.
        ([_rate("49", "1"), _rate("4930", "2"), _rate("49", "0.5", is_contract=True)], "2"),
        # A contract that ends leaves the list's price, even one that started later.
        (
            [
                _rate("49", "1"),
                _rate("49", "9", is_contract=True),
                _rate("49", None, is_contract=True, order=1),
            ],
            "1",
        ),
        ([_rate("49", "1", starts_at=DAY), _rate("49", "0.5", is_contract=True)], "0.5"),
        ([_rate("49", "0")], "0"),
    ],
)
def test_price_of_a_call(rates, expected):
    found = pricing.match(pricing.in_force(rates, at=DAY), _call())
    assert (found and found.rate) == (expected and Decimal(expected))


def test_country_of_a_number_is_that_of_its_longest_prefix_and_finds_the_rest():
    rates = [
        _rate("1", "1", country="US"),
        _rate("1204", "2", country="CA"),
        _rate("", "0.5", country="CA", service="message", number_type=""),
        _rate("", "0.4", country="CA", service="message", number_type="", network="Rogers"),
        _rate("", "0.1", country="CA", direction="inbound"),
    ]
    prices = pricing.in_force(rates, at=DAY)

    def price(**fields):
        found = pricing.match(prices, _call("12045550100", **fields))
        return found and found.rate

    assert price(service="message") == Decimal("0.5")
    assert price(service="message", network="Rogers", number_type="mobile") == Decimal("0.4")
    assert price(service="message", network="Bell") == Decimal("0.5")
    assert price(service="message", country="US") is None
    assert price(direction="inbound", number_type="local") == Decimal("0.1")
    assert price(direction="inbound", number_type="tollfree") is None


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (1, 1), (60, 1), (61, 2), (3600, 60)])
def test_calls_cost_each_started_minute(seconds, minutes):
    assert pricing.units_of("voice", seconds) == minutes
    assert pricing.units_of("message", seconds) == seconds
    assert pricing.amount_of(_rate("49", "0.01235"), _call(quantity=seconds)) == Decimal("0.01235") * minutes


_PREFIXES = st.sampled_from(["49", "491", "4915", "491512", "1", "1204", "7", "77"])
_AT = st.sampled_from([LONG_AGO, DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)])
_RATES = st.sampled_from(["0.00001", "0.01", "1.5", "0", ""])
_LINE = st.one_of(
    st.tuples(st.just("voice"), st.just("DE"), st.just("outbound"), st.just("local"), _PREFIXES, st.just("")),
    st.tuples(
        st.just("voice"),
        st.just("DE"),
        st.sampled_from(["outbound", "inbound"]),
        st.just("ip"),
        st.just(""),
        st.just(""),
    ),
    st.tuples(
        st.just("message"),
        st.just("DE"),
        st.just("outbound"),
        st.just(""),
        st.just(""),
        st.sampled_from(["", "Telekom"]),
    ),
    st.tuples(
        st.just("voice"), st.just("DE"), st.just("inbound"), st.just("local"), st.just(""), st.just("")
    ),
    st.tuples(
        st.just("number"), st.just("DE"), st.just("rental"), st.just("local"), st.just(""), st.just("")
    ),
)
_LISTS = st.lists(
    st.tuples(
        _AT, st.booleans(), st.lists(st.tuples(_LINE, _RATES), max_size=6, unique_by=lambda each: each[0])
    ),
    max_size=5,
)
_USAGES = st.lists(
    st.builds(
        Usage,
        service=st.sampled_from(["voice", "message", "number"]),
        direction=st.sampled_from(["outbound", "inbound", "rental"]),
        at=st.sampled_from([DAY - timedelta(days=2), DAY, DAY + timedelta(days=2)]),
        quantity=st.integers(0, 4000),
        number=st.sampled_from(["4915123456789", "4930123456", "12045550100", "491", "", "77012345"]),
        country=st.sampled_from(["", "DE", "FR"]),
        number_type=st.sampled_from(["", "ip", "local"]),
        network=st.sampled_from(["", "Telekom", "O2"]),
    ),
    max_size=8,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists=_LISTS, usages=_USAGES)
def test_sql_rates_as_the_rules_do(db, lists, usages):
    with transaction.atomic():
        account, other = make_account(), make_account("Other")
        publish(GERMANY[:3], at=DAY - timedelta(days=3), account=other)
        for at, is_contract, lines in lists:
            rows = [(*line, "", rate) for line, rate in lines]
            publish(rows, at=at, account=account if is_contract else None)
        rates = [*all_rates(None), *all_rates(account)]
        expected = [_by_rules(rates, usage) for usage in usages]
        assert _by_sql(account, usages) == expected
        transaction.set_rollback(True)


def _by_rules(rates, usage):
    found = pricing.match(pricing.in_force(rates, at=usage.at), usage)
    units = pricing.units_of(usage.service, usage.quantity)
    return (found and found.price_id, units, found and pricing.amount_of(found, usage))


def _by_sql(account, usages):
    fields = ("service", "direction", "at", "quantity", "number", "country", "number_type", "network")
    values = [(n, account.pk, *(getattr(usage, name) for name in fields)) for n, usage in enumerate(usages)]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS used_now")
        cursor.execute(
            "CREATE TEMPORARY TABLE used_now (n int, account_id bigint, service text, direction text, at timestamptz,"
            " quantity bigint, number text, country text, number_type text, network text) ON COMMIT DROP"
        )
        cursor.executemany("INSERT INTO used_now VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", values)
        cursor.execute(f"SELECT price_id, units, amount FROM ({rated_sql('used_now')}) AS rated ORDER BY n")
        return cursor.fetchall()


def test_database_keeps_what_was_published(db):
    published = publish()
    price = Price.objects.filter(price_list=published).first()
    for statement in (
        f"UPDATE billing_price SET rate = 0 WHERE id = {price.pk}",
        f"DELETE FROM billing_price WHERE id = {price.pk}",
        f"UPDATE billing_pricelist SET effective_at = now() WHERE id = {published.pk}",
        f"DELETE FROM billing_pricelist WHERE id = {published.pk}",
    ):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize(
    "line",
    [
        ("voice", "DE", "outbound", "local", "", "", "", "1"),
        ("voice", "DE", "outbound", "ip", "49", "", "", "1"),
        ("voice", "DE", "outbound", "", "49", "", "", "1"),
        ("voice", "DE", "outbound", "local", "+49", "", "", "1"),
        ("voice", "DE", "outbound", "local", "49", "", "", "-1"),
        ("voice", "de", "outbound", "local", "49", "", "", "1"),
        ("message", "DE", "outbound", "local", "", "", "", "1"),
        ("message", "DE", "inbound", "", "", "Telekom", "", "1"),
        ("number", "DE", "rental", "ip", "", "", "", "1"),
        ("number", "DE", "outbound", "local", "", "", "", "1"),
        ("voice", "DE", "rental", "local", "", "", "", "1"),
    ],
)
def test_database_refuses_a_price_of_nothing(db, line):
    with pytest.raises(IntegrityError), transaction.atomic():
        publish([line])


def test_database_refuses_the_same_thing_twice_and_places_the_price_itself(db):
    account = make_account()
    with pytest.raises(IntegrityError), transaction.atomic():
        publish([GERMANY[1], GERMANY[1]])
    published = PriceList.objects.create(account=account, name="Contract", effective_at=DAY)
    price = Price.objects.create(
        price_list=published, starts_at=LONG_AGO, service="number", country="DE", direction="rental",
        number_type="local", rate=1,
    )  # fmt: skip
    price.refresh_from_db()
    assert (price.account_id, price.starts_at) == (account.pk, DAY)
