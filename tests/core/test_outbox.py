"""Work that PostgreSQL remembers is done once, whoever dies in between."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone

from billing import services
from billing.models import LedgerEntry
from console.core import tasks
from console.core.access import Actor
from console.core.events import EventKind, record, run_delivery, subscribers_of
from console.core.mail import queue_mail
from console.core.models import Delivery
from tests.factories import make_account
from tests.work import do_work


@pytest.fixture
def activated(db):
    account = make_account()
    with transaction.atomic():
        record(EventKind.ACCOUNT_ACTIVATED, actor=Actor.system(account), target=account)
    return account


def test_event_queues_one_delivery_for_each_subscriber(activated):
    assert sorted(Delivery.objects.values_list("task", flat=True)) == sorted(
        subscribers_of(EventKind.ACCOUNT_ACTIVATED)
    )


def test_delivery_runs_once_however_often_it_is_published(activated):
    delivery = Delivery.objects.get(task="billing.grant_trial_credit")
    seen = []
    for _ in range(3):
        run_delivery(delivery.pk, seen.append)
    assert len(seen) == 1


def test_leased_delivery_is_left_alone_until_the_lease_runs_out(activated):
    delivery = Delivery.objects.get(task="billing.grant_trial_credit")
    now = timezone.now()
    assert Delivery.lease(delivery.pk, now=now, seconds=60)
    assert Delivery.lease(delivery.pk, now=now, seconds=60) is None
    assert Delivery.overdue(now=now, limit=10) == []
    later = now + timedelta(seconds=61)
    assert delivery in Delivery.overdue(now=later, limit=10)
    assert Delivery.lease(delivery.pk, now=later, seconds=60).attempts == 2


def test_failing_handler_rolls_back_and_waits_longer(activated):
    delivery = Delivery.objects.get(task="billing.grant_trial_credit")

    def fail(event):
        LedgerEntry.objects.create(
            account=activated, kind="recharge", amount=1, balance_after=1, idempotency_key="x"
        )
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run_delivery(delivery.pk, fail)
    delivery.refresh_from_db()
    assert delivery.done_at is None
    assert delivery.last_error == "ValueError"
    assert delivery.due_at > timezone.now()
    assert not LedgerEntry.unscoped.exists()


def test_two_workers_with_one_delivery_do_it_once(transactional_db):
    account = make_account()
    with transaction.atomic():
        record(EventKind.ACCOUNT_ACTIVATED, actor=Actor.system(account), target=account)
    delivery = Delivery.objects.get(task="billing.grant_trial_credit")

    def work():
        run_delivery(
            delivery.pk, lambda event: services.grant_trial_credit(account=account, now=timezone.now())
        )
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert LedgerEntry.unscoped.get().amount == settings.CONSOLE_TRIAL_CREDIT


def _queue(key="k1", to="ines@halyard.example"):
    with transaction.atomic():
        return queue_mail("core/test", to=to, key=key, context={"code": "hunter2-secret"})


@pytest.fixture
def test_template(tmp_path, settings):
    folder = tmp_path / "mail/core/test"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Hello\nworld")
    (folder / "body.txt").write_text("Your code is {{ code }}")
    (folder / "body.html").write_text("<html><body><p>Your code is {{ code }}</p></body></html>")
    templates = settings.TEMPLATES[0] | {"DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}
    settings.TEMPLATES = [templates]


@pytest.mark.usefixtures("db", "test_template")
class TestMail:
    def test_one_reason_makes_one_mail(self):
        assert _queue() is not None
        assert _queue() is None
        do_work()
        assert len(mail.outbox) == 1

    def test_body_is_sealed_while_it_waits_and_wiped_when_sent(self):
        row = _queue()
        assert b"hunter2" not in bytes(row.sealed)
        do_work()
        row.refresh_from_db()
        assert row.sealed is None
        assert row.done_at
        assert "hunter2" in mail.outbox[0].body

    def test_subject_is_one_line_and_message_id_stays_the_same(self):
        row = _queue()
        do_work()
        assert mail.outbox[0].subject == "Hello world"
        assert str(row.public_id) in mail.outbox[0].extra_headers["Message-ID"]

    def test_mail_server_away_means_later(self, monkeypatch):
        row = _queue()
        monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", _raise_refused)
        tasks.send_mail(mail_id=row.pk)
        row.refresh_from_db()
        assert row.done_at is None
        assert row.sealed is not None
        assert row.due_at > timezone.now()


def _raise_refused(self, *args, **kwargs):
    raise ConnectionRefusedError
