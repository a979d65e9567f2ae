"""What is unusual: pure rules, once a day, mailed to who answers for it, looked at by owner and admins."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.geo import Place
from console.core.models import AuditEvent
from console.core.requests import Origin
from security.anomaly_rules import new_country, new_destination, spend_spike
from security.models import Anomaly
from security.services import anomalies
from security.services.anomalies import note_anomaly
from tests.factories import make_account
from tests.security.allowlist_steps import page
from tests.work import do_work, mails_to

NL, FR = "198.51.100.23", "192.0.2.200"
PLACES = {NL: Place("NL", "Netherlands", "Amsterdam"), FR: Place("FR", "France", "Lyon")}


@pytest.fixture
def places(monkeypatch):
    """Stand for a city database that knows two addresses."""
    monkeypatch.setattr(anomalies, "place_of", lambda address: PLACES.get(str(address), Place()))


def sign_in_from(user, ip):
    from django.db import transaction

    with transaction.atomic():
        actor = Actor.person(user, origin=Origin(ip=ip))
        event = record(EventKind.SIGN_IN_COMPLETED, actor=actor, target=user, is_new=False)
    do_work()
    return event


# --- Rules


@pytest.mark.parametrize(
    ("country", "seen", "is_new"),
    [
        ("FR", {"NL"}, True),
        ("NL", {"NL"}, False),
        ("FR", set(), False),
        ("FR", {""}, False),
        ("", {"NL"}, False),
        ("FR", {"", "NL"}, True),
    ],
)
def test_country_is_new_when_others_are_known(country, seen, is_new):
    assert (new_country(country, seen=seen) is not None) is is_new


DAY = [Decimal(10)] * 24


@pytest.mark.parametrize(
    ("spent", "hours", "is_spike"),
    [
        (Decimal(30), DAY, True),
        (Decimal("29.99"), DAY, False),
        (Decimal(30), DAY[1:], False),
        (Decimal(30), [Decimal(0)] * 24, False),
        (Decimal(30), [*[Decimal(0)] * 23, Decimal(10)], True),
        (Decimal(90), [*DAY, Decimal(10000)], True),
        (Decimal(0), DAY, False),
    ],
)
def test_spend_is_a_spike_from_three_times_the_usual_hour(spent, hours, is_spike):
    assert (spend_spike(spent, hours=hours) is not None) is is_spike


def test_spike_says_how_many_times():
    assert spend_spike(Decimal(45), hours=DAY) == {"spent": "45", "usual": "10", "times": "4.5"}


def test_destination_is_new_when_others_were_used():
    assert new_destination("LV", used={"NL"})["country"] == "LV"
    assert new_destination("NL", used={"NL"}) is None
    assert new_destination("LV", used=set()) is None


# --- Sign-ins


def test_sign_in_from_a_new_country_is_noted_and_mailed(cast, places):
    sign_in_from(cast.developer, NL)
    sign_in_from(cast.developer, FR)
    row = Anomaly.objects.of(cast.account).get()
    assert (row.kind, row.user, row.facts["place"]) == ("new-country", cast.developer, "Lyon, France")
    for person in (cast.owner, cast.admin):
        mail = next(mail for mail in mails_to(person.email) if "signed in from" in mail.subject)
        assert page("compromise", cast.account) in mail.body
    own = next(mail for mail in mails_to(cast.developer.email) if "You signed in from" in mail.subject)
    assert "/not-me/" in own.body
    assert not any("signed in from" in mail.subject for mail in mails_to(cast.analyst.email))


def test_known_country_first_country_and_unknown_ones_are_no_news(cast, places):
    for ip in (NL, NL, "203.0.113.9"):
        sign_in_from(cast.developer, ip)
    sign_in_from(cast.analyst, FR)
    assert not Anomaly.unscoped.exists()


def test_without_a_city_database_nothing_is_noted(cast):
    sign_in_from(cast.developer, NL)
    sign_in_from(cast.developer, FR)
    assert not Anomaly.unscoped.exists()


def test_person_of_two_accounts_gets_one_mail(cast, places):
    make_account("Second GmbH", owner=cast.developer)
    sign_in_from(cast.developer, NL)
    sign_in_from(cast.developer, FR)
    assert Anomaly.unscoped.count() == 2
    assert sum("signed in from" in mail.subject for mail in mails_to(cast.developer.email)) == 1


# --- Noting


def spike(account, **more):
    facts = {"spent": "45", "usual": "10", "times": "4.5"}
    values = {"account": account, "kind": "spend-spike", "facts": facts, "now": timezone.now()} | more
    return note_anomaly(**values)


def test_one_kind_and_subject_is_noted_once_a_day(cast):
    now = timezone.now()
    assert spike(cast.account, now=now)
    assert spike(cast.account, now=now) is None
    assert spike(cast.account, now=now, subject="LV")
    assert spike(cast.account, now=now + timedelta(days=1))
    assert spike(cast.other_account, now=now)
    assert AuditEvent.objects.filter(kind=EventKind.ANOMALY_NOTED).count() == 4


@pytest.mark.django_db(transaction=True)
def test_parallel_notes_make_one(cast):
    now, found, start = timezone.now(), [], threading.Barrier(4)

    def run():
        start.wait()
        found.append(spike(cast.account, now=now))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(row is not None for row in found) == 1


@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        ("spend-spike", {"spent": "45", "usual": "10", "times": "4.5"}, "4.5 times the usual"),
        ("new-destination", {"country": "Latvia"}, "Latvia"),
    ],
)
def test_hooks_of_later_apps_are_mailed_and_shown(client, cast, kind, facts, words):
    note_anomaly(account=cast.account, kind=kind, facts=facts, now=timezone.now())
    assert any(words in mail.subject for mail in mails_to(cast.owner.email))
    assert words in cast.sign_in(client, "owner").get(page("compromise", cast.account)).text


def test_admin_looks_at_it_once(client, cast):
    row = spike(cast.account)
    admin = cast.sign_in(client, "admin")
    for _ in range(2):
        admin.post(page("anomaly_acknowledge", cast.account, public_id=row.public_id))
    row.refresh_from_db()
    assert row.acknowledged_by == cast.admin
    assert AuditEvent.objects.filter(kind=EventKind.ANOMALY_ACKNOWLEDGED).count() == 1
    assert "looked at by Admin Person" in admin.get(page("compromise", cast.account)).text


def test_another_tenants_row_is_not_there(client, cast):
    row = spike(cast.other_account)
    owner = cast.sign_in(client, "owner")
    address = page("anomaly_acknowledge", cast.account, public_id=row.public_id)
    assert owner.post(address).status_code == 404
    developer = cast.sign_in(Client(), "developer")
    assert developer.post(address).status_code == 403
    row.refresh_from_db()
    assert row.acknowledged_at is None


def test_old_rows_are_swept(cast):
    from security.models import MailCode
    from security.tasks import sweep_expired

    now = timezone.now()
    spike(cast.account, now=now - timedelta(days=366))
    kept = spike(cast.account, now=now - timedelta(days=360))
    for days in (8, 6):
        MailCode.objects.create(
            user=cast.owner, binding="x", digest=b"x", expires_at=now - timedelta(days=days), ended_at=now
        )
    sweep_expired()
    assert Anomaly.unscoped.get() == kept
    assert MailCode.objects.count() == 1
