"""What is done to an account's resources at once waits in one order, never in a ring."""

import threading
import time
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing import services as billing
from console.core.access import Actor
from console.core.events import EventKind, record
from subaccounts.models import MonthSpend, Number, SenderId
from subaccounts.services import limits, sender_ids
from subaccounts.services.numbers import release_number
from subaccounts.services.owners import find_owner, hold_resources
from subaccounts.services.renewals import renew_due
from subaccounts.services.subaccounts import lock_subaccount
from tests.billing.price_lists import publish
from tests.factories import make_account, make_subaccount, make_user
from tests.subaccounts.stock import owner_of, pay, rent

pytestmark = [pytest.mark.transactional, pytest.mark.django_db(transaction=True)]
NOW = timezone.now
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


@pytest.fixture
def account():
    return make_account(owner=make_user())


@pytest.fixture
def sub(account):
    return make_subaccount(account)[0]


class Beside:
    """Run a deed on a connection of its own, and keep what it raised."""

    def __init__(self, deed):
        self.deed, self.error = deed, None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            self.deed()
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def ends(self):
        self.thread.join(10)
        assert not self.thread.is_alive()
        assert self.error is None, self.error

    def waits(self):
        """Return once the deed waits for this connection."""
        until = time.monotonic() + 10
        while time.monotonic() < until and self.thread.is_alive():
            with connection.cursor() as cursor:
                cursor.execute(_WAITING)
                if cursor.fetchone()[0]:
                    return
        raise AssertionError(f"it waited for nothing: {self.error}")


def _usage(sub):
    event = {
        "id": str(uuid.uuid4()),
        "auth_id": sub.auth_id,
        "kind": "call",
        "direction": "outbound",
        "at": (NOW() - timedelta(minutes=5)).isoformat(),
        "quantity": 61,
        "from": "+12025550123",
        "to": "+4915112345678",
        "status": "completed",
    }
    assert billing.take_usage(events=[event], now=NOW()).accepted == 1


@pytest.mark.parametrize(
    "hold",
    [
        lambda actor, sub: lock_subaccount(actor.account, sub.auth_id),
        lambda actor, sub: find_owner(actor, sub.auth_id),
    ],
)
def test_usage_is_charged_while_its_subaccount_is_held(account, sub, hold):
    """Who rents holds the subaccount and waits for the balance; who charges holds the balance."""
    publish()
    pay(account, 10)
    with transaction.atomic():
        hold(owner_of(account), sub)
        Beside(lambda: _usage(sub)).ends()


def test_limit_is_changed_while_spending_reaches_it(account, sub):
    actor = owner_of(account)
    MonthSpend.objects.create(
        account=account, subaccount=sub, month=limits.month_of(NOW(), account.time_zone), amount=1
    )

    def change():
        values = {"amount": Decimal(5), "alert_percent": None, "stop": "hard"}
        limits.set_limit(actor=actor, auth_id=sub.auth_id, now=NOW(), **values)

    with transaction.atomic():
        limits.note_spend(spent={sub.pk: Decimal(1)}, now=NOW())
        beside = Beside(change)
        beside.waits()
        record(EventKind.SUBACCOUNT_LIMIT_REACHED, actor=Actor.system(account), target=sub)
    beside.ends()


def _release(actor):
    number = Number.unscoped.get().number
    return Number, lambda: release_number(actor=actor, number=number, now=NOW())


def _renew(actor):
    return Number, lambda: renew_due(now=NOW() + timedelta(days=40))


def _asked(actor):
    return sender_ids.request_sender_id(
        actor=actor, sender="HALYARD", country_iso="NL", purpose="Codes", now=NOW()
    )


def _remove(actor):
    asked = _asked(actor)
    return SenderId, lambda: sender_ids.remove_sender_id(actor=actor, public_id=asked.public_id, now=NOW())


def _decide(actor):
    asked, staff = _asked(actor), Actor(user=make_user(is_staff=True), kind="staff")
    values = {"is_approved": True, "note": ""}
    return SenderId, lambda: sender_ids.decide_sender_id(actor=staff, sender_id=asked, now=NOW(), **values)


@pytest.mark.parametrize("prepare", [_release, _renew, _remove, _decide])
def test_whoever_ends_a_resource_waits_for_the_account_first(account, prepare):
    """A subaccount that is deleted holds the account and the audit log, and wants the rows."""
    actor = owner_of(account)
    pay(account, 10)
    rent(actor)
    model, deed = prepare(actor)
    with transaction.atomic():
        hold_resources(actor)
        beside = Beside(deed)
        beside.waits()
        assert model.unscoped.select_for_update(nowait=True).get()
    beside.ends()
