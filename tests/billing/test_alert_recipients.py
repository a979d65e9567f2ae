"""Addresses outside the team confirm by a link, hear of the balance, and stop by one click."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from billing import services
from billing.links import confirm_token
from billing.models import AlertRecipient
from console.core.models import AuditEvent
from tests.work import do_work, mails_to

DESK = "night.desk@halyard.example"


def _url(cast, part=""):
    return f"/{cast.account.auth_id}/billing/alerts/{part}"


def _add(cast, page, email=DESK):
    return page.post(_url(cast, "addresses/add/"), {"email": email})


def _link(mail):
    return re.search(rf"{settings.BASE_URL}(/balance-alerts/\S+)", mail.body).group(1)


def _fall(account):
    for kind, amount in (("recharge", "500"), ("usage", "-300")):
        services.post_entry(
            account=account, kind=kind, amount=Decimal(amount), key=amount, now=timezone.now()
        )


@pytest.fixture
def page(cast, client):
    return cast.sign_in(client, "analyst")


def test_address_hears_only_after_it_confirmed_by_a_button(cast, page):
    assert _add(cast, page, " Night.Desk@Halyard.example ").status_code == 302
    (mail,) = mails_to(DESK)
    stranger, link = Client(), _link(mail)
    assert "Get balance alerts?" in stranger.get(link).content.decode()
    assert AlertRecipient.objects.of(cast.account).get().confirmed_at is None
    for _ in range(2):
        assert f"Alerts go to {DESK}" in stranger.post(link).content.decode()
    assert AuditEvent.objects.filter(kind="balance-alert:address-confirmed").count() == 1
    _fall(cast.account)
    alert = mails_to(DESK)[1]
    assert alert.subject == "The balance of Halyard Logistics is below $250"
    assert "Open the statement" not in alert.body
    assert alert.extra_headers["List-Unsubscribe"] == f"<{settings.BASE_URL}{_link(alert)}>"
    assert alert.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    owner_mail = mails_to(cast.owner.email)[-1]
    assert "List-Unsubscribe" not in owner_mail.extra_headers
    assert "Open the statement" in owner_mail.body


def test_one_click_of_a_mail_program_stops_the_mails(cast, page):
    row = AlertRecipient.objects.create(account=cast.account, email=DESK, confirmed_at=timezone.now())
    _fall(cast.account)
    link = _link(mails_to(DESK)[0])
    machine = Client(enforce_csrf_checks=True)
    assert "Stop balance alerts?" in machine.get(link).content.decode()
    assert AlertRecipient.objects.of(cast.account).filter(pk=row.pk).exists()
    for _ in range(2):
        assert machine.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not AlertRecipient.objects.of(cast.account).exists()
    assert AuditEvent.objects.filter(kind="balance-alert:address-stopped").count() == 1
    services.post_entry(
        account=cast.account, kind="usage", amount=Decimal(-150), key="deeper", now=timezone.now()
    )
    assert len(mails_to(DESK)) == 1


def test_new_link_ends_the_one_before_and_each_has_an_end(cast, page):
    _add(cast, page)
    row = AlertRecipient.objects.of(cast.account).get()
    first = _link(mails_to(DESK)[0])
    assert page.post(_url(cast, f"addresses/{row.public_id}/link/")).status_code == 302
    second = _link(mails_to(DESK)[1])
    assert [Client().post(link).status_code for link in (first, second)] == [404, 200]
    late = timezone.now() - timedelta(hours=settings.CONSOLE_ALERT_LINK_HOURS, seconds=1)
    AlertRecipient.objects.of(cast.account).update(confirmed_at=None, link_sent_at=late)
    row.refresh_from_db()
    answer = Client().post(f"/balance-alerts/confirm/{confirm_token(row)}/")
    assert (answer.status_code, "too old" in answer.content.decode()) == (404, True)


@pytest.mark.parametrize("path", ["confirm", "stop"])
@pytest.mark.parametrize("token", ["x", "altered:token", "WyJ4Il0:abc"])
def test_altered_link_opens_nothing(db, path, token):
    assert Client().get(f"/balance-alerts/{path}/{token}/").status_code == 404
    assert Client().post(f"/balance-alerts/{path}/{token}/").status_code == 404


def test_link_of_one_kind_does_not_open_the_other(cast, page):
    _add(cast, page)
    token = _link(mails_to(DESK)[0]).split("/")[-2]
    assert Client().post(f"/balance-alerts/stop/{token}/").status_code == 404


def test_bounced_address_begins_again(cast, page):
    facts = {"confirmed_at": timezone.now(), "bounced_at": timezone.now()}
    row = AlertRecipient.objects.create(account=cast.account, email=DESK, **facts)
    assert "We stopped sending." in page.get(_url(cast)).content.decode()
    page.post(_url(cast, f"addresses/{row.public_id}/link/"))
    row.refresh_from_db()
    assert (row.confirmed_at, row.bounced_at) == (None, None)


def test_confirmed_address_gets_no_link_again(cast, page):
    row = AlertRecipient.objects.create(account=cast.account, email=DESK, confirmed_at=timezone.now())
    assert page.post(_url(cast, f"addresses/{row.public_id}/link/")).status_code == 422


def test_same_address_and_an_eleventh_are_refused(cast, page):
    for number in range(9):
        AlertRecipient.objects.create(account=cast.account, email=f"desk{number}@halyard.example")
    assert _add(cast, page).status_code == 302
    assert "there already" in _add(cast, page, DESK.upper()).content.decode()
    assert "Remove one first" in _add(cast, page, "eleventh@halyard.example").content.decode()
    do_work()
    assert mails_to("eleventh@halyard.example") == []


@pytest.mark.parametrize(
    "email", ["", "no address", "a@b", "two@halyard.example\nBcc: x@y.example", "x" * 2000]
)
def test_what_is_no_address_is_refused(cast, page, email):
    assert _add(cast, page, email).status_code == 422
    assert not AlertRecipient.objects.of(cast.account).exists()


def test_one_address_gets_five_links_a_day_from_all_accounts(cast, page):
    answers = []
    for _ in range(6):
        answers.append(_add(cast, page).status_code)
        AlertRecipient.objects.of(cast.account).delete()
    assert answers == [302] * 5 + [429]


def test_address_of_another_account_is_not_there(cast, client):
    row = AlertRecipient.objects.create(account=cast.other_account, email=DESK)
    cast.sign_in(client, "owner")
    for act in ("link", "remove"):
        assert client.post(_url(cast, f"addresses/{row.public_id}/{act}/")).status_code == 404
    cast.sign_in(client, "developer")
    assert _add(cast, client).status_code == 403


def test_removed_address_hears_nothing_more(cast, page):
    row = AlertRecipient.objects.create(account=cast.account, email=DESK, confirmed_at=timezone.now())
    assert page.post(_url(cast, f"addresses/{row.public_id}/remove/")).status_code == 302
    _fall(cast.account)
    assert mails_to(DESK) == []
