"""Events reach a customer's server signed, at least once, and a broken server costs others nothing (spec 15.2)."""

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError  # noqa: TID251 - the receiving side

from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.models import AuditEvent
from console.core.outbound import Outbound
from console.core.outbound_rules import OutboundError
from security.models import WebhookDelivery, WebhookEndpoint
from security.services import webhook_delivery, webhook_queue, webhooks
from security.services.webhook_delivery import wait_after
from security.tasks import push_webhook, queue_webhooks, watch_webhooks
from tests.core.receiver import receiver
from tests.security.webhook_steps import actor_of, add, happen, only, point, push, take
from tests.work import do_work, mails_to


@pytest.fixture
def customer(tmp_path):
    with receiver(tmp_path) as found:
        yield found


@pytest.fixture
def endpoint(cast, customer):
    """Return an endpoint that leads to the customer's server, its own beginning delivered."""
    made, secret = add(cast)
    point(made, customer)
    take()
    push(made, customer.client())
    customer.calls.clear()
    made.plain = secret
    return made


class Answering:
    """A client that answers with statuses or errors in turn, and notes what it was given."""

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), []

    def send(self, method, url, *, headers, body):
        from console.core.outbound import Answer

        self.sent.append((url, headers, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, {}, b"", 12)


# --- What arrives


def test_event_arrives_signed_and_says_what_the_json_file_says(cast, customer, endpoint, client):
    event = happen(cast, before={"name": "Old"}, after={"name": "Ny ☎ Ödön"})
    assert take() == 1
    assert push(endpoint, customer.client()) == 1
    (call,) = customer.calls
    message = Webhook(endpoint.plain).verify(call["body"], call["headers"])
    assert message["type"] == "account:updated"
    assert message["account"] == cast.account.auth_id
    cast.sign_in(client, "owner")
    address = f"/{cast.account.auth_id}/account/settings/audit-log/json/"
    exported = json.loads(b"".join(client.post(address).streaming_content))["events"]
    assert message["data"] in exported
    assert message["data"]["id"] == str(event.public_id)
    assert message["data"]["data"]["after"] == {"name": "Ny ☎ Ödön"}
    found = only(endpoint, "account:updated")
    assert found.state == "delivered"
    assert call["headers"]["webhook-id"] == found.message_id
    assert found.tries[0]["status"] == 200
    endpoint.refresh_from_db()
    assert endpoint.last_success_at


def test_signature_can_be_checked_by_hand_as_the_page_says(cast, customer, endpoint):
    happen(cast)
    take()
    push(endpoint, customer.client())
    (call,) = customer.calls
    headers = call["headers"]
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + call["body"]
    key = base64.b64decode(endpoint.plain.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"


@pytest.mark.parametrize("change", ["body", "id", "time", "old", "secret"])
def test_changed_old_or_foreign_message_is_refused_by_the_published_verifier(
    cast, customer, endpoint, change
):
    with time_machine.travel(timezone.now() - timedelta(minutes=6 if change == "old" else 0), tick=True):
        happen(cast)
        take()
        push(endpoint, customer.client())
    (call,) = customer.calls
    body, headers, key = call["body"], dict(call["headers"]), endpoint.plain
    if change == "body":
        body = body.replace(b"account:updated", b"account:closed!")
    if change == "id":
        headers["webhook-id"] = "msg_" + "0" * 32
    if change == "time":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    if change == "secret":
        key = add(cast, url="https://other.halyard.example/")[1]
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(body, headers)


def test_both_secrets_sign_during_the_overlap_and_the_old_one_stops(cast, customer, endpoint):
    now = timezone.now()
    made = webhooks.rotate_secret(
        actor=actor_of(cast), public_id=endpoint.public_id, keeps_old=True, form_id=uuid.uuid4(), now=now
    )
    happen(cast)
    take()
    push(endpoint, customer.client())
    for call in customer.calls:
        for secret in (endpoint.plain, made.secret):
            assert Webhook(secret).verify(call["body"], call["headers"])
    with pytest.raises(webhooks.OverlapRuns):
        webhooks.rotate_secret(
            actor=actor_of(cast), public_id=endpoint.public_id, keeps_old=True, form_id=uuid.uuid4(), now=now
        )
    customer.calls.clear()
    with time_machine.travel(now + timedelta(hours=24, seconds=1), tick=True):
        happen(cast)
        take()
        push(endpoint, customer.client())
        call = customer.calls[-1]
        assert Webhook(made.secret).verify(call["body"], call["headers"])
        with pytest.raises(WebhookVerificationError):
            Webhook(endpoint.plain).verify(call["body"], call["headers"])
        webhook_delivery.sweep_old(now=timezone.now())
    endpoint.refresh_from_db()
    assert endpoint.sealed_previous is None


def test_leaked_secret_can_be_stopped_at_once(cast, customer, endpoint):
    made = webhooks.rotate_secret(
        actor=actor_of(cast), public_id=endpoint.public_id, keeps_old=False,
        form_id=uuid.uuid4(), now=timezone.now(),
    )  # fmt: skip
    happen(cast)
    take()
    push(endpoint, customer.client())
    call = customer.calls[-1]
    assert Webhook(made.secret).verify(call["body"], call["headers"])
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.plain).verify(call["body"], call["headers"])


def test_secret_is_sealed_bound_to_its_row_and_in_no_event(cast, endpoint):
    row = WebhookEndpoint.unscoped.get()
    assert endpoint.plain.encode() not in bytes(row.sealed_secret)
    other, _ = add(cast, url="https://other.halyard.example/")
    other.sealed_secret = row.sealed_secret
    from console.core.crypto import Undecryptable

    with pytest.raises(Undecryptable):
        other.secrets(timezone.now())
    events = json.dumps(list(AuditEvent.objects.values_list("data", "target_label")))
    assert endpoint.plain not in events
    assert "k3y" not in events


# --- What is queued


def test_endpoint_gets_events_of_its_account_from_its_own_beginning_on(cast, customer):
    happen(cast)
    made, _ = add(cast)
    with_other = AuditEvent.objects.count()
    with_actor = Actor.system(cast.other_account)
    with transaction.atomic():
        record(EventKind.ACCOUNT_UPDATED, actor=with_actor, target=cast.other_account)
        record(EventKind.SIGN_IN_COMPLETED, actor=Actor(user=cast.owner), target=cast.owner)
    assert AuditEvent.objects.count() == with_other + 2
    take()
    assert list(WebhookDelivery.objects.values_list("endpoint_id", "kind")) == [(made.pk, "webhook:added")]
    assert take() == 0


def test_filter_lets_only_its_areas_through(cast):
    made, _ = add(cast, areas=["Auth Tokens and API"])
    happen(cast)
    happen(cast, EventKind.CREDENTIAL_REVOKED)
    take()
    assert only(made).kind == "credential:revoked"


def test_events_about_deliveries_are_never_delivered(cast):
    made, _ = add(cast)
    for kind in EventKind:
        if kind.startswith("webhook-delivery:"):
            happen(cast, kind)
    take()
    assert only(made).kind == "webhook:added"


def test_event_of_a_transaction_that_was_undone_is_never_sent(cast):
    made, _ = add(cast)
    take()
    with transaction.atomic():
        happen(cast)
        transaction.set_rollback(True)
    happen(cast)
    take()
    assert list(made.deliveries.order_by("id").values_list("kind", flat=True)) == [
        "webhook:added",
        "account:updated",
    ]


def test_long_backlog_is_taken_in_batches_and_old_events_are_passed_over_at_once(cast, monkeypatch):
    monkeypatch.setattr(webhook_queue, "_BATCH", 2)
    made, _ = add(cast, areas=["Account"])
    now = timezone.now()
    for age in (5, 4, 4, 1, 0, 0, 0, 0):
        with transaction.atomic():
            record(
                EventKind.ACCOUNT_UPDATED, actor=actor_of(cast), target=cast.account,
                at=now - timedelta(days=age), age=age,
            )  # fmt: skip
    counts = [take(now) for _ in range(4)]
    assert counts == [1, 2, 2, 0]
    ages = [json.loads(row.body)["data"]["data"]["age"] for row in made.deliveries.order_by("id")]
    assert ages == [1, 0, 0, 0, 0]
    made.refresh_from_db()
    assert made.cursor == AuditEvent.objects.filter(account_id=cast.account.pk).count()


def test_two_workers_queue_each_event_once(cast):
    made, _ = add(cast)
    happen(cast)
    take()
    WebhookEndpoint.unscoped.update(cursor=0)
    take()
    assert made.deliveries.filter(kind="account:updated").count() == 1


def test_pause_keeps_events_and_turning_on_sends_those_of_three_days(cast, customer, endpoint):
    now = timezone.now()
    webhooks.pause_webhook(actor=actor_of(cast), public_id=endpoint.public_id)
    AuditEvent.append(
        "account:updated", actor=actor_of(cast), target=None, account=None, data={"old": 1},
        at=now - timedelta(days=4),
    )  # fmt: skip
    happen(cast, young=1)
    take()
    assert push(endpoint, customer.client()) == 0
    webhooks.resume_webhook(actor=actor_of(cast), public_id=endpoint.public_id)
    take()
    push(endpoint, customer.client())
    sent = [json.loads(call["body"])["data"]["data"] for call in customer.calls]
    assert {"young": 1} in sent
    assert {"old": 1} not in sent


# --- Failure


def test_waits_grow_and_ten_tries_take_three_days():
    waits = [wait_after(number, jitter=1.0) for number in range(1, 10)]
    assert waits[:6] == [timedelta(seconds=30 * 4**power) for power in range(6)]
    assert waits[6:] == [timedelta(hours=21)] * 3
    assert timedelta(days=3) <= sum(waits, timedelta()) < timedelta(days=3, hours=12)
    assert wait_after(3, jitter=1.1) == waits[2] * 1.1
    assert wait_after(500, jitter=1.0) == timedelta(hours=21)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (500, "status"), (404, "status"), (100, "status"), (301, "redirect"), (308, "redirect"),
        (OutboundError("x", code="timeout"), "timeout"), (OutboundError("x", code="address"), "address"),
    ],
)  # fmt: skip
def test_failure_is_noted_and_tried_again_later(cast, endpoint, answer, word):
    now = timezone.now()
    happen(cast)
    take(now)
    client = Answering(answer)
    assert push(endpoint, client, now) == 0
    row = only(endpoint, "account:updated")
    assert (row.state, row.attempts, row.due_at) == ("waiting", 1, now + timedelta(seconds=30))
    assert (row.tries[0]["error"], row.last_error) == (word, word)
    endpoint.refresh_from_db()
    assert endpoint.failing_since == now
    # Not before its time, and the endpoint rests, so that nothing else is tried either.
    happen(cast)
    take(now)
    assert push(endpoint, client, now + timedelta(seconds=29)) == 0
    assert len(client.sent) == 1
    client.answers = [204]
    assert push(endpoint, client, now + timedelta(seconds=31)) == 2
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None
    ids = [headers["webhook-id"] for _, headers, _ in client.sent]
    assert ids[0] in ids[1:]


def test_tenth_failure_gives_up_and_replay_begins_anew(cast, endpoint, customer):
    now = timezone.now()
    happen(cast)
    take(now)
    for _ in range(12):
        push(endpoint, Answering(503), now)
        now += timedelta(hours=22)
    row = only(endpoint, "account:updated")
    assert (row.state, row.attempts, len(row.tries)) == ("failed", 10, 10)
    acting = {"actor": actor_of(cast), "public_id": endpoint.public_id, "now": now}
    assert webhook_queue.replay_failed(since=now, **acting) == 0
    assert webhook_queue.replay_failed(since=now - timedelta(days=30), **acting) == 1
    assert webhook_queue.replay_failed(since=now - timedelta(days=30), **acting) == 0
    push(endpoint, customer.client(), now + timedelta(minutes=1))
    row.refresh_from_db()
    assert (row.state, len(row.tries)) == ("delivered", 11)
    assert customer.calls[0]["headers"]["webhook-id"] == row.message_id
    assert AuditEvent.objects.filter(kind=EventKind.WEBHOOK_REPLAYED).count() == 1


def test_one_delivered_message_can_be_sent_again_with_the_same_id(cast, endpoint, customer):
    happen(cast)
    take()
    push(endpoint, customer.client())
    row = only(endpoint, "account:updated")
    for _ in range(2):
        webhook_queue.replay_one(
            actor=actor_of(cast), public_id=endpoint.public_id, delivery=row.public_id, now=timezone.now()
        )
    push(endpoint, customer.client())
    first, second = customer.calls
    assert first["body"] == second["body"]
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]


def test_replay_of_many_is_bounded(cast, endpoint, monkeypatch):
    monkeypatch.setattr(webhook_queue, "REPLAY_AT_MOST", 3)
    now = timezone.now()
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(endpoint=endpoint, kind="x:y", body="{}", due_at=now, failed_at=now) for _ in range(5)
    )
    acting = {"actor": actor_of(cast), "public_id": endpoint.public_id, "now": now}
    spans = [webhook_queue.replay_failed(since=now - timedelta(hours=1), **acting) for _ in range(3)]
    assert spans == [3, 2, 0]


def test_410_stops_the_endpoint_and_tells_owner_and_admins(cast, endpoint):
    happen(cast)
    happen(cast)
    take()
    client = Answering(410)
    push(endpoint, client)
    push(endpoint, client, timezone.now() + timedelta(days=1))
    assert len(client.sent) == 1
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.stop_reason) == ("stopped", "gone")
    assert endpoint.deliveries.exclude(failed_at=None).count() == 1
    for person in (cast.owner, cast.admin):
        sent = mails_to(person.email)[-1]
        assert (
            sent.subject
            == "The webhook at hooks.halyard.example:"
            + endpoint.url.split(":")[2].split("/")[0]
            + " was stopped"
        )
        assert "410" in sent.body


def test_endpoint_that_fails_is_warned_about_after_a_day_and_stopped_after_three(cast, endpoint):
    now = timezone.now()
    happen(cast)
    take(now)
    push(endpoint, Answering(500), now)
    do_work()
    mail.outbox.clear()
    for hours, told, state in (
        (23, 0, "enabled"),
        (24, 1, "enabled"),
        (71, 1, "enabled"),
        (72, 2, "stopped"),
        (90, 2, "stopped"),
    ):
        for _ in range(2):
            webhook_delivery.watch_failing(now=now + timedelta(hours=hours))
        endpoint.refresh_from_db()
        assert endpoint.state == state
        assert len(mails_to(cast.owner.email)) == told, hours
    assert [message.subject for message in mails_to(cast.admin.email)] == [
        f"The webhook at {endpoint.host} takes nothing",
        f"The webhook at {endpoint.host} was stopped",
    ]
    assert push(endpoint, Answering(200), now + timedelta(hours=91)) == 0
    webhooks.resume_webhook(actor=actor_of(cast), public_id=endpoint.public_id)
    assert push(endpoint, Answering(200), now + timedelta(hours=91)) >= 1


def test_success_forgets_the_failures_before_it(cast, endpoint):
    now = timezone.now()
    happen(cast)
    take(now)
    push(endpoint, Answering(500), now)
    push(endpoint, Answering(200), now + timedelta(hours=70))
    webhook_delivery.watch_failing(now=now + timedelta(hours=80))
    endpoint.refresh_from_db()
    assert endpoint.state == "enabled"


def test_redirect_to_the_inside_is_a_failure_and_nothing_follows_it(cast, endpoint, customer):
    customer.status, customer.headers = 302, {"Location": f"https://127.0.0.1:{customer.port}/inside"}
    happen(cast)
    take()
    push(endpoint, customer.client())
    assert [call["path"] for call in customer.calls] == ["/hooks?from=console"]
    assert only(endpoint, "account:updated").last_error == "redirect"


def test_guard_stands_between_tasks_and_the_network(cast, endpoint):
    """The client that workers use refuses this server: its port, its address, and its name in the DNS."""
    happen(cast)
    queue_webhooks()
    push_webhook(endpoint_id=endpoint.pk)
    assert only(endpoint, "account:updated").last_error == "port"


def test_person_who_asks_need_not_wait_for_the_rest_after_a_failure(cast, endpoint):
    now = timezone.now()
    happen(cast)
    take(now)
    push(endpoint, Answering(500), now)
    assert push(endpoint, Answering(200), now) == 0
    webhook_queue.send_test(actor=actor_of(cast), public_id=endpoint.public_id, now=now)
    assert push(endpoint, Answering(200), now) == 1
    assert only(endpoint, "webhook:test").state == "delivered"


# --- Several workers


def test_test_event_goes_before_events_that_wait_longer(cast, endpoint):
    happen(cast)
    happen(cast)
    assert take() == 2
    asked = webhook_queue.send_test(actor=actor_of(cast), public_id=endpoint.public_id, now=timezone.now())
    client = Answering(503)
    push(endpoint, client)
    assert len(client.sent) == 1
    asked.refresh_from_db()
    assert asked.tries[0]["status"] == 503
    # A test that failed once waits its turn like any other.
    asked_again = WebhookDelivery.next_due(endpoint, now=timezone.now() + timedelta(days=1))
    assert asked_again.kind == "account:updated"


def test_endpoint_is_sent_to_by_one_worker_at_a_time(cast, endpoint):
    happen(cast)
    take()
    now = timezone.now()
    held = WebhookEndpoint.hold(endpoint.pk, now=now, until=now + timedelta(seconds=60))
    assert held
    client = Answering(200)
    assert push(endpoint, client, now) == 0
    assert webhook_queue.due_endpoints(now=now) == []
    # A worker that died holds it no longer than a minute.
    assert push(endpoint, client, now + timedelta(seconds=61)) == 1


def test_delivery_whose_worker_died_is_sent_again(cast, endpoint, customer):
    happen(cast)
    take()
    row = only(endpoint, "account:updated")
    now = timezone.now()
    assert WebhookDelivery.lease(row.pk, now=now, seconds=60)
    assert push(endpoint, customer.client(), now) == 0
    assert push(endpoint, customer.client(), now + timedelta(seconds=61)) == 1


def test_two_workers_send_each_message_once(transactional_db, tmp_path):
    from tests.conftest import Cast
    from tests.factories import make_account, make_user

    owner = make_user()
    story = Cast(make_account(owner=owner), make_account("Other"), {"owner": owner})
    with receiver(tmp_path) as customer:
        made, _ = add(story)
        point(made, customer)
        for _ in range(5):
            happen(story)
        take()
        customer.act = lambda handler: (time.sleep(0.05), handler.send_response(204), handler.end_headers())

        def work():
            try:
                for _ in range(3):
                    push(made, customer.client())
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ids = [call["headers"]["webhook-id"] for call in customer.calls]
        assert len(ids) == len(set(ids)) == 6
        assert customer.most_at_once == 1


def test_slow_endpoint_ends_its_batch_and_leaves_the_rest_for_later(cast, endpoint):
    for _ in range(4):
        happen(cast)
    take()
    slow = Answering(OutboundError("x", code="timeout"))
    push(endpoint, slow)
    assert len(slow.sent) == 1
    assert endpoint.pk not in webhook_queue.due_endpoints(now=timezone.now())
    # A batch ends by time, too.
    assert push(endpoint, Answering(200), timezone.now() + timedelta(minutes=1), seconds=0) == 0


def test_removed_endpoint_takes_its_deliveries_along_while_one_is_under_way(cast, endpoint):
    happen(cast)
    take()

    class Removing(Answering):
        def send(self, *args, **more):
            webhooks.remove_webhook(actor=actor_of(cast), public_id=endpoint.public_id)
            return super().send(*args, **more)

    push(endpoint, Removing(200))
    assert not WebhookDelivery.objects.exists()


# --- Upkeep


def test_history_ends_after_thirty_days(cast, endpoint, monkeypatch):
    monkeypatch.setattr(webhook_delivery, "_SWEPT_AT_ONCE", 2)
    now = timezone.now()
    rows = [
        WebhookDelivery(
            endpoint=endpoint, kind="x:y", body="{}", due_at=now, made_at=now - timedelta(days=age)
        )
        for age in (31, 31, 31, 40, 29)
    ]
    WebhookDelivery.objects.bulk_create(rows)
    watch_webhooks()
    assert not WebhookDelivery.objects.filter(made_at__lt=now - timedelta(days=30)).exists()
    assert WebhookDelivery.objects.filter(kind="x:y").count() == 1


def test_keys_of_the_ring_can_be_rotated_under_the_secrets(cast, endpoint):
    from console.core.management.commands.rotate_field_keys import sealed_columns

    columns = {(model.__name__, column) for model, column in sealed_columns()}
    assert {("WebhookEndpoint", "sealed_secret"), ("WebhookEndpoint", "sealed_previous")} <= columns


def test_worker_uses_the_guarded_client_as_it_comes(cast, endpoint, monkeypatch):
    seen = []
    monkeypatch.setattr(
        webhook_delivery, "push", lambda pk, *, client, jitter: seen.append((client, jitter)) or 0
    )
    push_webhook(endpoint_id=endpoint.pk)
    ((client, jitter),) = seen
    assert client == Outbound()
    assert 1 <= jitter <= 1.2
