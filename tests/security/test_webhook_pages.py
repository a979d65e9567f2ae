"""Add, look at, change, pause, rotate and remove webhooks, page by page, and who may."""

import re
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.core.access import AccessRefused
from console.core.models import AuditEvent
from security.models import WebhookDelivery, WebhookEndpoint
from security.services import webhook_queue, webhooks
from security.services.lockdown import lock_down
from teams.roles import Role
from tests.conftest import sign_in
from tests.core.receiver import receiver
from tests.security.webhook_steps import URL, actor_of, add, happen, page, point, push, take
from tests.work import do_work, mails_to


@pytest.fixture
def owner(client, cast):
    """Return the owner's browser."""
    return cast.sign_in(client, "owner")


def typed(**more):
    return {"url": URL, "description": "Log  collector", "form_id": str(uuid.uuid4())} | more


def secret_of(answer):
    return re.search(r"whsec_[A-Za-z0-9+/=]+", answer.text).group()


def kinds():
    rows = AuditEvent.objects.filter(kind__startswith="webhook").order_by("id")
    return list(rows.values_list("kind", flat=True))


# --- Adding


def test_webhook_is_added_shown_with_its_secret_once_and_mailed(owner, cast):
    assert "No webhook yet" in owner.get(page("webhook_list", cast)).text
    assert owner.get(page("webhook_add", cast)).status_code == 200
    form = typed(areas=["Audit log", "Webhooks"])
    made = owner.post(page("webhook_add", cast), form)
    secret = secret_of(made)
    endpoint = WebhookEndpoint.unscoped.get()
    assert (endpoint.url, endpoint.description, endpoint.areas) == (
        URL,
        "Log collector",
        ["Audit log", "Webhooks"],
    )
    assert endpoint.secrets(timezone.now()) == [secret]
    # The same form again is the same webhook, without the secret.
    again = owner.post(page("webhook_add", cast), form)
    assert "shown already" in again.text
    for address in (page("webhook_list", cast), page("webhook", cast, public_id=endpoint.public_id)):
        shown = owner.get(address).text
        assert endpoint.host in shown
        assert secret not in shown
    assert "k3y" not in owner.get(page("webhook_list", cast)).text
    assert kinds() == ["webhook:added"]
    for person in (cast.owner, cast.admin):
        [sent] = mails_to(person.email)
        assert sent.subject == "Events of Halyard Logistics now go to hooks.halyard.example"
        assert "k3y" not in sent.body
        assert secret not in sent.body


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://hooks.halyard.example/", "must begin with https://"),
        ("https://127.0.0.1/", "not an IP address"),
        ("https://localhost/", "that the internet knows"),
        ("https://a:b@hooks.halyard.example/", "Leave user name and password out"),
        ("https://hooks.halyard.example:25/", "Use port 443 or 8443"),
        ("https://hooks.halyard.example/<script>alert(1)</script>\u202e", "without spaces"),
        ("", "required"),
        ("https://hooks.halyard.example/" + "x" * 600, "500"),
    ],
)
def test_address_that_may_not_be_called_is_refused_with_what_was_typed(owner, cast, url, message):
    answer = owner.post(page("webhook_add", cast), typed(url=url))
    assert answer.status_code == 422
    assert message in answer.text
    assert "<script>alert" not in answer.text
    assert not WebhookEndpoint.unscoped.exists()


@pytest.mark.parametrize(
    "hostile",
    [{"areas": ["nothing"]}, {"form_id": "x"}, {"description": "a\x00b"}, {"description": "y" * 200}],
)
def test_hostile_fields_are_refused(owner, cast, hostile):
    assert owner.post(page("webhook_add", cast), typed(**hostile)).status_code == 422
    assert not WebhookEndpoint.unscoped.exists()


def test_eleventh_webhook_and_a_second_with_one_address_are_refused(owner, cast):
    for number in range(10):
        add(cast, url=f"https://hooks{number}.halyard.example/")
    full = owner.post(page("webhook_add", cast), typed())
    assert full.status_code == 422
    assert "as many as it can" in full.text
    assert "Add webhook" not in owner.get(page("webhook_list", cast)).text
    WebhookEndpoint.unscoped.filter(url__contains="hooks9").delete()
    twice = owner.post(page("webhook_add", cast), typed(url="https://HOOKS1.halyard.example./"))
    assert "has this address already" in twice.text


def test_two_clicks_at_once_make_one_webhook(transactional_db):
    from tests.conftest import Cast
    from tests.factories import make_account, make_user

    person = make_user()
    story = Cast(make_account(owner=person), make_account("Other"), {"owner": person})
    form = typed()
    answers = []

    def click():
        browser = Client()
        sign_in(browser, person)
        try:
            answers.append(browser.post(page("webhook_add", story), form))
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 3
    assert sum("whsec_" in answer.text for answer in answers) == 1
    assert WebhookEndpoint.unscoped.count() == 1


# --- Changing


def test_change_moves_the_webhook_and_keeps_the_path_out_of_the_log(owner, cast):
    endpoint, _ = add(cast)
    do_work()
    WebhookEndpoint.unscoped.update(failing_since=timezone.now())
    address = page("webhook_change", cast, public_id=endpoint.public_id)
    assert URL in owner.get(address).text
    moved = typed(url="https://new.halyard.example/p4th", description="", areas=["Account"])
    assert owner.post(address, moved).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.areas, endpoint.failing_since) == (
        "https://new.halyard.example/p4th",
        ["Account"],
        None,
    )
    event = AuditEvent.objects.get(kind="webhook:changed")
    assert event.data["before"]["host"] == "hooks.halyard.example"
    assert event.data["after"] == {"host": "new.halyard.example", "description": "", "areas": ["Account"]}
    assert "p4th" not in str(event.data)
    assert mails_to(cast.owner.email)[-1].subject.endswith("now go to new.halyard.example")
    count = len(mails_to(cast.owner.email))
    # The same form again changes nothing; another description alone is no news for a mail.
    owner.post(address, moved)
    owner.post(address, moved | {"description": "Chat"})
    assert AuditEvent.objects.filter(kind="webhook:changed").count() == 2
    assert len(mails_to(cast.owner.email)) == count
    assert owner.post(address, moved | {"url": "https://10.0.0.1/"}).status_code == 422


def test_new_secret_is_shown_once_and_the_old_one_ends_or_stays(owner, cast):
    endpoint, old = add(cast)
    address = page("webhook_secret", cast, public_id=endpoint.public_id)
    assert owner.get(address).status_code == 200
    form = {"overlap": "keep", "form_id": str(uuid.uuid4())}
    new = secret_of(owner.post(address, form))
    assert "shown already" in owner.post(address, form).text
    endpoint.refresh_from_db()
    assert endpoint.secrets(timezone.now()) == [new, old]
    refused = owner.post(address, form | {"form_id": str(uuid.uuid4())})
    assert refused.status_code == 422
    assert "still signs" in refused.text
    third = secret_of(owner.post(address, {"overlap": "now", "form_id": str(uuid.uuid4())}))
    endpoint.refresh_from_db()
    assert endpoint.secrets(timezone.now()) == [third]
    assert owner.post(address, {"overlap": "later", "form_id": "x"}).status_code == 422
    assert kinds().count("webhook:secret-rotated") == 2


def test_pause_turn_on_and_remove(owner, cast):
    endpoint, _ = add(cast)
    one = {"public_id": endpoint.public_id}
    assert "Pause this webhook?" in owner.get(page("webhook_pause", cast, **one)).text
    for _ in range(2):
        assert owner.post(page("webhook_pause", cast, **one)).status_code == 302
    shown = owner.get(page("webhook", cast, **one)).text
    assert "Paused. Nothing is sent." in shown
    assert "Send a test event" not in shown
    owner.post(page("webhook_test", cast, **one))
    assert not WebhookDelivery.objects.filter(kind="webhook:test").exists()
    for _ in range(2):
        owner.post(page("webhook_resume", cast, **one))
    assert "Send a test event" in owner.get(page("webhook", cast, **one)).text
    assert "Remove this webhook?" in owner.get(page("webhook_remove", cast, **one)).text
    assert owner.post(page("webhook_remove", cast, **one)).url == page("webhook_list", cast)
    assert owner.post(page("webhook_remove", cast, **one)).status_code == 404
    assert kinds() == ["webhook:added", "webhook:paused", "webhook:resumed", "webhook:removed"]
    assert not WebhookEndpoint.unscoped.exists()


# --- Deliveries


def test_test_event_is_sent_and_its_page_shows_what_was_sent_and_answered(owner, cast, tmp_path):
    endpoint, secret = add(cast)
    with receiver(tmp_path) as customer:
        point(endpoint, customer)
        sent = owner.post(page("webhook_test", cast, public_id=endpoint.public_id))
        waiting = owner.get(sent.url).text
        assert "Goes out within seconds" in waiting
        assert "Look again" in waiting
        customer.status = 503
        push(endpoint, customer.client())
        shown = owner.get(sent.url).text
        assert "503" in shown
        assert "not a 2xx status" in shown
        customer.status = 200
        customer.body = b"<b>private answer</b>"
        later = timezone.now() + timedelta(minutes=2)
        push(endpoint, customer.client(), later)
        shown = owner.get(sent.url).text
        assert "The server took it" in shown
        headers = customer.calls[-1]["headers"]
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            assert headers[name].replace("+", "&#x2B;") in shown or headers[name] in shown
        assert "private answer" not in shown
        assert "&quot;type&quot;: &quot;webhook:test&quot;" in shown
        assert secret not in shown
        assert owner.post(sent.url + "replay/").url == sent.url
        push(endpoint, customer.client(), later)
        assert len(customer.calls) == 3


def _fill(endpoint, count):
    """Give the endpoint deliveries of two kinds: a third failed, a third delivered, a third waiting."""
    now = timezone.now()
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint, kind=("account:updated", "webhook:test")[number % 2], body="{}", due_at=now,
            made_at=now, failed_at=now if number % 3 == 0 else None, done_at=now if number % 3 == 1 else None,
            tries=[{"at": now.isoformat(), "status": None, "error": "tls", "milliseconds": 7, "headers": {}}],
        )
        for number in range(count)
    )  # fmt: skip


def test_history_pages_and_costs_the_same_for_many_rows(owner, cast):
    endpoint, _ = add(cast)
    address = page("webhook", cast, public_id=endpoint.public_id)
    _fill(endpoint, 3)
    owner.get(address)
    with CaptureQueriesContext(connection) as few:
        owner.get(address)
    _fill(endpoint, 60)
    with CaptureQueriesContext(connection) as many:
        first = owner.get(address)
    assert len(many) == len(few) <= 8
    assert first.text.count('data-label="State"') == 25
    earlier = re.search(r'href="(\?before=\d+)"', first.text).group(1)
    second = owner.get(address + earlier)
    assert "Later" in second.text
    later = re.search(r'href="(\?after=\d+)"', second.text).group(1)
    assert re.findall(r"deliveries/([\w-]+)/", owner.get(address + later).text) == re.findall(
        r"deliveries/([\w-]+)/", first.text
    )


def test_history_filters_and_refuses_filters_that_are_none(owner, cast):
    endpoint, _ = add(cast)
    address = page("webhook", cast, public_id=endpoint.public_id)
    _fill(endpoint, 63)
    failed = owner.get(address + "?state=failed&kind=webhook:test").text
    assert (
        failed.count('data-label="State"')
        == WebhookDelivery.objects.filter(kind="webhook:test").exclude(failed_at=None).count()
    )
    assert "Delivered<" not in failed.split("<tbody")[1]
    assert owner.get(address + "?state=waiting").text.count('data-label="State"') == 21
    assert "No delivery matches" in owner.get(address + "?kind=allowlist:requested").text
    for hostile in ("state=x", "kind=%00", "before=0", "before=x", "after=99999999999999999999", "before=-1"):
        assert owner.get(f"{address}?{hostile}").status_code == 422


def test_what_failed_is_sent_again_once(owner, cast):
    endpoint, _ = add(cast)
    _fill(endpoint, 63)
    answer = owner.post(
        page("webhook_replay", cast, public_id=endpoint.public_id), {"since": "24h"}, follow=True
    )
    assert "21 failed deliveries are sent again." in answer.text
    answer = owner.post(
        page("webhook_replay", cast, public_id=endpoint.public_id), {"since": "24h"}, follow=True
    )
    assert "Nothing failed in that time." in answer.text
    assert (
        "Choose how far back."
        in owner.post(
            page("webhook_replay", cast, public_id=endpoint.public_id), {"since": "x"}, follow=True
        ).text
    )


def test_index_serves_each_page_of_the_history(cast):
    endpoint, _ = add(cast)
    from security import webhook_queries

    _fill(endpoint, 3000)
    with connection.cursor() as cursor:
        # Without figures of its own the planner judges by what earlier tests left behind.
        cursor.execute("ANALYZE security_webhookdelivery")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    for state, name in (("", "history"), ("waiting", "waiting"), ("failed", "failed")):
        rows = webhook_queries._matching(endpoint, state, "").order_by("-pk")[:26]
        assert f"webhook_{name}" in rows.explain()
    assert "webhook_kind" in webhook_queries._matching(endpoint, "", "a:b").order_by("-pk")[:26].explain()


def test_tests_and_replays_are_limited(owner, cast):
    endpoint, _ = add(cast)
    for _ in range(20):
        owner.post(page("webhook_test", cast, public_id=endpoint.public_id))
    answer = owner.post(page("webhook_test", cast, public_id=endpoint.public_id), follow=True)
    assert "Too many tries" in answer.text
    assert WebhookDelivery.objects.filter(kind="webhook:test").count() == 20


def test_stopped_webhook_says_why(owner, cast):
    endpoint, _ = add(cast)
    address = page("webhook", cast, public_id=endpoint.public_id)
    for reason, words in (("gone", "answered 410"), ("failing", "3 days without a delivery")):
        WebhookEndpoint.unscoped.update(state="stopped", stop_reason=reason)
        assert words in owner.get(address).text
    WebhookEndpoint.unscoped.update(state="enabled", failing_since=timezone.now())
    assert "Deliveries fail." in owner.get(address).text
    assert "Failing" in owner.get(page("webhook_list", cast)).text


def test_page_about_verifying_says_how(owner, cast):
    shown = owner.get(page("webhook_verify", cast)).text
    assert "standardwebhooks" in shown
    assert "webhook-signature" in shown


# --- Who may


POSTS = (
    "webhook_change",
    "webhook_secret",
    "webhook_pause",
    "webhook_resume",
    "webhook_remove",
    "webhook_test",
    "webhook_replay",
)


def test_foreign_ids_answer_like_missing_ones(client, cast):
    endpoint, _ = add(cast)
    take()
    delivery = WebhookDelivery.objects.get()
    cast.sign_in(client, "outsider")
    cast.account, own = cast.other_account, cast.account
    for public_id in (endpoint.public_id, uuid.uuid4()):
        one = {"public_id": public_id}
        assert client.get(page("webhook", cast, **one)).status_code == 404
        for name in POSTS:
            assert (
                client.post(page(name, cast, **one), typed(since="24h", overlap="now")).status_code == 404
            ), name
        found = {"delivery": delivery.public_id, **one}
        assert client.get(page("webhook_delivery", cast, **found)).status_code == 404
        assert client.post(page("webhook_delivery_replay", cast, **found)).status_code == 404
    # A delivery is reached through its own endpoint only.
    cast.account = own
    cast.sign_in(client, "owner")
    other, _ = add(cast, url="https://other.halyard.example/")
    found = {"delivery": delivery.public_id, "public_id": other.public_id}
    assert client.get(page("webhook_delivery", cast, **found)).status_code == 404
    assert client.post(page("webhook_delivery_replay", cast, **found)).status_code == 404


@pytest.mark.parametrize("who", ["developer", "support", "analyst"])
def test_other_roles_see_and_do_nothing(client, cast, who):
    endpoint, _ = add(cast)
    cast.sign_in(client, who)
    assert "Webhooks" not in client.get(f"/{cast.account.auth_id}/account/settings/profile/").text
    assert client.get(page("webhook_list", cast)).status_code == 403
    for name in POSTS:
        assert client.post(page(name, cast, public_id=endpoint.public_id)).status_code == 403
    acting, now = actor_of(cast, Role(who)), timezone.now()
    one = {"actor": acting, "public_id": endpoint.public_id}
    for deed in (
        lambda: webhooks.add_webhook(
            actor=acting, url=URL, description="", areas=[], form_id=uuid.uuid4(), now=now
        ),
        lambda: webhooks.change_webhook(url=URL, description="", areas=[], **one),
        lambda: webhooks.pause_webhook(**one),
        lambda: webhooks.resume_webhook(**one),
        lambda: webhooks.rotate_secret(keeps_old=False, form_id=uuid.uuid4(), now=now, **one),
        lambda: webhooks.remove_webhook(**one),
        lambda: webhook_queue.send_test(now=now, **one),
        lambda: webhook_queue.replay_one(delivery=uuid.uuid4(), now=now, **one),
        lambda: webhook_queue.replay_failed(since=now, now=now, **one),
    ):
        with pytest.raises(AccessRefused):
            deed()


@pytest.mark.parametrize(
    "name",
    ["webhook_add", "webhook_change", "webhook_secret", "webhook_pause", "webhook_resume", "webhook_remove"],
)
def test_stale_session_must_confirm_first(client, cast, name):
    endpoint, _ = add(cast)
    cast.sign_in(client, "owner", confirmed=False)
    more = {} if name == "webhook_add" else {"public_id": endpoint.public_id}
    before = WebhookEndpoint.unscoped.values().get()
    answer = client.post(page(name, cast, **more), typed(overlap="now"))
    assert answer.url.startswith("/confirm/")
    assert WebhookEndpoint.unscoped.values().get() == before


def test_lock_down_pauses_every_webhook(cast):
    endpoint, _ = add(cast)
    happen(cast)
    lock_down(actor=actor_of(cast), keep=None, now=timezone.now())
    endpoint.refresh_from_db()
    assert endpoint.state == "paused"
    take()
    assert not WebhookDelivery.objects.exists()
