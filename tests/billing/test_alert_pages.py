"""The page of balance alerts: amounts, tests, and who may use it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing import services
from billing.models import AlertThreshold, BalanceAlert
from billing.services.alerts import AmountRefused, set_amounts
from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from tests.work import do_work, mails_to


def _url(cast, part=""):
    return f"/{cast.account.auth_id}/billing/alerts/{part}"


def _post(account, amount, *, kind="usage", key="k", days=0):
    at = timezone.now() - timedelta(days=days)
    services.post_entry(account=account, kind=kind, amount=Decimal(amount), key=key, now=at)


def _own(cast):
    rows = AlertThreshold.objects.of(cast.account).filter(is_custom=True).order_by("amount")
    return list(rows.values_list("amount", "state"))


@pytest.fixture
def page(cast, client):
    _post(cast.account, "400", kind="recharge", days=9)
    _post(cast.account, "-70", key="used", days=2)
    return cast.sign_in(client, "analyst")


def test_page_says_what_comes_when_and_a_good_first_amount(cast, page):
    body = page.get(_url(cast)).content.decode()
    assert "$330.00, about 33 days left" in body
    assert "At $10.00 a day" in body
    assert "what a day costs, about $10." in body
    assert cast.owner.email in body
    assert "The balance has not fallen below an amount." in body


def test_amounts_of_ones_own_are_watched_from_now_on(cast, page):
    assert (
        page.post(_url(cast, "amounts/"), {"first": "300", "second": "50.5", "third": "900"}).status_code
        == 302
    )
    assert _own(cast) == [(Decimal("50.5"), "armed"), (300, "armed"), (900, "fired")]
    _post(cast.account, "-40", key="more")
    assert BalanceAlert.objects.of(cast.account).get().amount == 300
    page.post(_url(cast, "amounts/"), {"first": "300", "second": "60"})
    assert _own(cast) == [(60, "armed"), (300, "fired")]  # what fired stays fired
    event = AuditEvent.objects.filter(kind=EventKind.BALANCE_ALERT_AMOUNTS_CHANGED).order_by("-id")[0]
    assert event.data == {"before": ["50.50", "300.00", "900.00"], "after": ["60.00", "300.00"]}
    assert "Below $300" in page.get(_url(cast)).content.decode()


def test_same_amounts_again_change_nothing(cast, page):
    for _ in range(2):
        page.post(_url(cast, "amounts/"), {"first": "300"})
    assert AuditEvent.objects.filter(kind=EventKind.BALANCE_ALERT_AMOUNTS_CHANGED).count() == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"first": "0"}, "Enter an amount above $0."),
        ({"first": "1000001"}, "Enter at most $1,000,000."),
        ({"first": "1.005"}, "decimal places"),
        ({"first": "NaN"}, "Enter an amount such as 75 or 75.50."),
        ({"first": "\x00"}, "Enter an amount such as 75 or 75.50."),
        ({"first": "250"}, "$250 is always on."),
        ({"first": "5", "second": "5.00"}, "Two of the amounts are the same."),
    ],
)
def test_amount_that_can_not_be_watched_is_refused(cast, page, given, sentence):
    answer = page.post(_url(cast, "amounts/"), given)
    assert (answer.status_code, _own(cast)) == (422, [])
    assert sentence in answer.content.decode()


def test_service_refuses_a_fourth_amount(cast):
    actor = Actor.system(cast.account)
    with pytest.raises(AmountRefused):
        set_amounts(actor=actor, amounts=[Decimal(n) for n in (1, 2, 3, 4)], now=timezone.now())


def test_test_goes_to_who_asked_five_times_an_hour(cast, page):
    answers = [page.post(_url(cast, "test/")).status_code for _ in range(6)]
    assert answers == [302] * 5 + [429]
    do_work()
    mails = mails_to(cast.analyst.email)
    assert len([mail for mail in mails if "Test of the balance alerts" in mail.subject]) == 5
    assert mails_to(cast.owner.email) == []
    assert "to 1 address" in page.get(_url(cast)).content.decode()


@pytest.mark.parametrize("who", ["developer", "support"])
def test_other_roles_see_and_change_nothing(cast, client, who):
    cast.sign_in(client, who)
    answers = [client.get(_url(cast)), client.post(_url(cast, "amounts/")), client.post(_url(cast, "test/"))]
    assert [answer.status_code for answer in answers] == [403] * 3


def test_account_of_others_is_not_there(cast, client):
    cast.sign_in(client, "outsider")
    assert client.get(_url(cast)).status_code == 404
    assert client.post(_url(cast, "amounts/"), {"first": "5"}).status_code == 404


def test_menu_and_statement_say_how_long_the_balance_lasts(cast, page):
    body = page.get(f"/{cast.account.auth_id}/billing/").content.decode()
    assert '<span class="runway__days">about 33 days left</span>' in body
    assert '<dd class="figure__note">About 33 days left</dd>' in body
    assert "$10.00 <span" in body
