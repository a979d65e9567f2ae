"""Rotation with evidence: who still uses the old token, when it may go, warnings before its end, one extension."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.models import ApiCaller, Credential, TokenExtension
from accounts.queries import callers as queries
from accounts.rotation_rules import advise, set_end, warning_due
from accounts.services import api_use, callers, credentials
from accounts.services.credentials import NoSuchToken, generate_token, revoke_token
from accounts.services.rotation import NoExtension, extend_token, warn_of_ends
from accounts.tasks.credentials import end_due_credentials, flush_callers
from console.core import ratelimit
from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.requests import Origin
from teams.roles import RIGHTS, Role
from tests.accounts.api_caller import Api
from tests.factories import make_token
from tests.work import mails_to

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch):
    monkeypatch.setattr(callers, "pending", callers.Pending())
    monkeypatch.setattr(api_use, "recent", api_use.Recent())


def actor(cast, role=Role.OWNER, account=None):
    user = getattr(cast, str(role))
    return Actor(user=user, account=account or cast.account, rights=RIGHTS[role], origin=Origin())


def page(name, account, **more):
    return reverse(f"accounts:{name}", kwargs={"account": account.auth_id, **more})


def note(token, ip, *, ago, agent="plivo-python/4.63", verdict="admitted", calls=3, now=None):
    at = (now or timezone.now()) - ago
    return ApiCaller.objects.create(
        account=token.identity.account, credential=token, ip=ip, agent=agent, day=at.date(), verdict=verdict,
        calls=calls, first_seen_at=at, last_seen_at=at, endpoint="GET /v1/Account/{auth_id}/",
    )  # fmt: skip


@pytest.fixture
def counted():
    ratelimit.valkey().set(queries.FLUSHED_AT, timezone.now().isoformat())


@pytest.fixture
def old(cast):
    """Return a token that retires in two days, beside a newer one."""
    token, _ = make_token(cast.account, slot=1, ends_at=timezone.now() + timedelta(days=2))
    token.made_at = timezone.now() - timedelta(days=90)
    token.save()
    make_token(cast.account, slot=2)
    return token


# --- The rule


@pytest.mark.parametrize(
    ("ages", "used", "counted", "text"),
    [
        ([], None, SECOND, "Safe to revoke: never used"),
        ([], 25 * HOUR, SECOND, "Safe to revoke: no calls in 24 h"),
        ([24 * HOUR], 24 * HOUR, SECOND, "Safe to revoke: no calls in 24 h"),
        ([24 * HOUR - SECOND], 24 * HOUR, SECOND, "Still used: 1 caller in the last 24 h, none in the last hour"),
        ([HOUR], HOUR, SECOND, "Still used: 1 caller in the last 24 h, none in the last hour"),
        ([HOUR - SECOND], HOUR, SECOND, "Still used: 1 caller in the last hour"),
        ([MINUTE, 2 * MINUTE, 3 * MINUTE, 5 * HOUR], MINUTE, None, "Still used: 3 callers in the last hour"),
        ([], 23 * HOUR, SECOND, "Still used: called in the last 24 h"),
        ([], None, None, "Not known: calls are not being counted now"),
        ([], 25 * HOUR, 3 * MINUTE, "Not known: calls are not being counted now"),
    ],
)  # fmt: skip
def test_advice_follows_the_last_calls(ages, used, counted, text):
    advice = advise(
        [NOW - age for age in ages],
        last_used_at=used and NOW - used,
        counted_at=counted and NOW - counted,
        now=NOW,
    )
    assert advice.text == text
    assert advice.is_used == text.startswith("Still")


@pytest.mark.parametrize(
    ("left", "warned", "is_used", "due"),
    [
        (25 * HOUR, "", True, ""),
        (24 * HOUR, "", False, "day"),
        (24 * HOUR, "day", True, ""),
        (HOUR + SECOND, "day", True, ""),
        (HOUR, "day", True, "hour"),
        (HOUR, "day", False, ""),
        (HOUR, "hour", True, ""),
        (timedelta(0), "", True, ""),
    ],
)
def test_warning_is_due_once_for_each_threshold(left, warned, is_used, due):
    token = Credential(ends_at=NOW + left)
    if warned:
        setattr(token, f"warned_{warned}_before", token.ends_at)
    assert warning_due(token, is_used=is_used, now=NOW) == due


def test_end_that_was_just_chosen_is_not_warned_about():
    token = Credential()
    set_end(token, NOW + HOUR, now=NOW)
    assert warning_due(token, is_used=True, now=NOW + MINUTE) == ""
    set_end(token, NOW + 24 * HOUR, now=NOW)
    assert warning_due(token, is_used=True, now=NOW + MINUTE) == ""
    assert warning_due(token, is_used=True, now=NOW + 23 * HOUR) == "hour"
    set_end(token, NOW + 72 * HOUR, now=NOW)
    assert warning_due(token, is_used=True, now=NOW + 48 * HOUR) == "day"


# --- What is noted


def test_calls_are_noted_by_token_address_and_client(cast, django_assert_num_queries):
    (first, one), (second, two) = make_token(cast.account, slot=1), make_token(cast.account, slot=2)
    first_api, second_api = Api(cast.account.auth_id, one), Api(cast.account.auth_id, two)
    first_api.ask(**{"User-Agent": "plivo-python/4.63"})
    with django_assert_num_queries(2):  # caller and balance: noting writes nothing
        first_api.ask(**{"User-Agent": "curl/8.5.0"})
    second_api.ask(**{"User-Agent": "curl/8.5.0"})
    assert not ApiCaller.unscoped.exists()
    flush_callers()
    rows = set(ApiCaller.unscoped.values_list("credential_id", "ip", "agent", "calls"))
    assert rows == {
        (first.pk, "192.0.2.7", "plivo-python/4.63", 1),
        (first.pk, "192.0.2.7", "curl/8.5.0", 1),
        (second.pk, "192.0.2.7", "curl/8.5.0", 1),
    }


def test_flush_that_dies_loses_what_it_took_and_nothing_else(cast, monkeypatch):
    _, secret = make_token(cast.account)
    api = Api(cast.account.auth_id, secret)
    api.ask()
    flush_callers()
    api.address = "192.0.2.8"
    api.ask()
    kept = callers._upsert
    monkeypatch.setattr(callers, "_upsert", lambda _: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        callers.flush_callers()
    monkeypatch.setattr(callers, "_upsert", kept)
    api.address = "192.0.2.9"
    api.ask()
    flush_callers()
    assert sorted(ApiCaller.unscoped.values_list("ip", "calls")) == [("192.0.2.7", 1), ("192.0.2.9", 1)]
    api_use.flush_last_use()  # the last use of the token is noted apart
    assert Credential.objects.get().last_used_ip == "192.0.2.9"


def test_dead_flush_does_not_say_that_calls_were_counted(cast, monkeypatch):
    monkeypatch.setattr(callers, "_rows", lambda *_: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        callers.flush_callers()
    assert queries.counted_at() is None
    monkeypatch.undo()
    flush_callers()
    assert timezone.now() - queries.counted_at() < MINUTE


def test_invented_clients_do_not_fill_the_table(cast, monkeypatch):
    _, secret = make_token(cast.account)
    monkeypatch.setattr(callers, "_MOST_OF_ACCOUNT", 3)
    for number in range(6):
        Api(cast.account.auth_id, secret).ask(**{"User-Agent": f"client/{number}"})
    flush_callers()
    monkeypatch.setattr(callers, "pending", callers.Pending())
    Api(cast.account.auth_id, secret).ask(**{"User-Agent": "client/0"})
    Api(cast.account.auth_id, secret).ask(**{"User-Agent": "client/9"})
    flush_callers()
    rows = ApiCaller.unscoped.order_by("agent").values_list("agent", "calls")
    assert list(rows) == [("client/0", 2), ("client/1", 1), ("client/2", 1)]


# --- The pages


def test_page_lists_who_still_uses_the_old_token(cast, old, counted):
    new = Credential.objects.get(slot=2)
    for number in range(8):
        note(old, f"198.51.100.{number}", ago=number * 9 * MINUTE, agent=f"<b>{number}</b>")
    note(old, "203.0.113.1", ago=MINUTE, verdict="refused")
    note(new, "198.51.100.200", ago=MINUTE)
    note(make_token(cast.other_account)[0], "192.0.2.99", ago=MINUTE)
    text = cast.sign_in(Client(), "owner").get(page("credential_list", cast.account)).text
    assert "Rotation in progress" in text
    assert "Still used: 7 callers in the last hour" in text
    assert "1 of 9 callers moved" in text
    assert "Revoking now would answer 8 callers with 401." in text
    assert "Refused by an allowlist" in text
    assert "&lt;b&gt;0&lt;/b&gt;" in text
    assert "<b>0" not in text
    assert "198.51.100.7<" not in text  # five rows here, all of them a click away
    assert "192.0.2.99" not in text
    assert "Give it more time" in text


def test_caller_that_moved_is_told_from_one_that_stays(cast, old, counted):
    new = Credential.objects.get(slot=2)
    note(old, "198.51.100.1", ago=3 * HOUR)
    note(new, "198.51.100.1", ago=HOUR)
    note(new, "198.51.100.2", ago=2 * HOUR)
    note(old, "198.51.100.2", ago=HOUR)
    found = cast.sign_in(Client(), "owner").get(page("credential_list", cast.account))
    rotation = found.context["rotation"]
    assert [(row.ip, row.has_moved) for row in rotation.page.rows] == [
        ("198.51.100.2", False),
        ("198.51.100.1", True),
    ]
    assert "1 of 2 callers moved" in found.text
    assert "1 of them called with the new token since." in found.text
    assert rotation.old.advice.callers == 2  # the verdict counts everybody of the last day


def test_all_callers_of_a_token_are_paged_newest_first(cast, old, counted):
    for number in range(25):
        note(old, f"198.51.100.{number}", ago=number * MINUTE)
    note(old, "192.0.2.31", ago=timedelta(days=31))
    browser = cast.sign_in(Client(), "owner")
    url = page("credential_callers", cast.account, public_id=old.public_id)
    first, second = browser.get(url), browser.get(url, {"page": "2"})
    assert [row.ip for row in first.context["page"].rows] == [f"198.51.100.{n}" for n in range(20)]
    assert [row.ip for row in second.context["page"].rows] == [f"198.51.100.{n}" for n in range(20, 25)]
    assert "192.0.2.31" not in second.text
    assert [browser.get(url, {"page": bad}).status_code for bad in ("3", "0", "x", "9" * 30)] == [404] * 4


def test_token_that_nobody_used_says_so(cast, counted):
    token, _ = make_token(cast.account)
    browser = cast.sign_in(Client(), "owner")
    text = browser.get(page("credential_callers", cast.account, public_id=token.public_id)).text
    assert "Nobody has called the API with this token." in text
    assert "Safe to revoke: never used" in text
    assert "Rotation in progress" not in browser.get(page("credential_list", cast.account)).text


@pytest.mark.parametrize(
    ("ips", "words"),
    [(["192.0.2.1", "192.0.2.2"], "2 callers used it in the last 24 h."), ([], "It was never used.")],
)
def test_question_before_revoking_says_who_loses_access(cast, old, counted, ips, words):
    for ip in ips:
        note(old, ip, ago=HOUR)
    browser = cast.sign_in(Client(), "owner")
    assert words in browser.get(page("credential_revoke", cast.account, public_id=old.public_id)).text


def test_page_of_a_new_token_says_who_uses_the_old_one(cast, old, counted):
    note(old, "192.0.2.1", ago=MINUTE)
    text = cast.sign_in(Client(), "owner").get(page("credential_make", cast.account)).text
    assert "Still used: 1 caller in the last hour" in text


def test_callers_of_another_account_are_404(cast, old):
    stranger = cast.sign_in(Client(), "outsider")
    for name in ("credential_callers", "credential_extend"):
        url = page(name, cast.other_account, public_id=old.public_id)
        assert stranger.get(url).status_code == 404
        if name == "credential_extend":
            assert stranger.post(url, {"extend": "24h"}).status_code == 404


def test_developer_sees_callers_and_may_not_extend(cast, old):
    browser = cast.sign_in(Client(), "developer")
    seen = browser.get(page("credential_callers", cast.account, public_id=old.public_id))
    expected = 200 if "credential:view" in {str(right) for right in RIGHTS[Role.DEVELOPER]} else 403
    assert seen.status_code == expected
    url = page("credential_extend", cast.account, public_id=old.public_id)
    assert browser.post(url, {"extend": "24h"}).status_code == 403
    assert not TokenExtension.objects.exists()


# --- More time


@pytest.mark.parametrize(("choice", "more"), [("24h", 24 * HOUR), ("3d", 72 * HOUR), ("7d", 168 * HOUR)])
def test_end_is_put_off_once_from_the_end_that_was_set(cast, old, choice, more):
    browser = cast.sign_in(Client(), "owner")
    url = page("credential_extend", cast.account, public_id=old.public_id)
    assert browser.post(url, {"extend": choice}).status_code == 302
    before, token = old.ends_at, Credential.objects.get(pk=old.pk)
    assert token.ends_at == before + more
    again = browser.post(url, {"extend": choice})
    assert again.status_code == 422
    assert "That works once." in again.text
    assert "That works once." in browser.get(url).text
    assert Credential.objects.get(pk=old.pk).ends_at == before + more
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_EXTENDED).count() == 1
    assert "works longer" in mails_to(cast.owner.email)[-1].subject
    assert "Give it more time" not in browser.get(page("credential_list", cast.account)).text


@pytest.mark.parametrize("choice", ["", "never", "30d", "24h\0"])
def test_other_lengths_are_refused(cast, old, choice):
    browser = cast.sign_in(Client(), "owner")
    answer = browser.post(
        page("credential_extend", cast.account, public_id=old.public_id), {"extend": choice}
    )
    assert answer.status_code == 422
    assert not TokenExtension.objects.exists()


def test_extension_asks_for_a_fresh_confirmation(cast, old):
    browser = cast.sign_in(Client(), "owner", confirmed=False)
    url = page("credential_extend", cast.account, public_id=old.public_id)
    assert "/confirm/" in browser.post(url, {"extend": "24h"}).headers.get("Location", "")
    assert not TokenExtension.objects.exists()


@pytest.mark.parametrize("state", ["endless", "ended", "due"])
def test_token_that_does_not_retire_is_not_put_off(cast, old, state):
    now = timezone.now()
    ends = {"endless": None, "ended": old.ends_at, "due": now - SECOND}[state]
    Credential.objects.filter(pk=old.pk).update(ends_at=ends, ended_at=now if state == "ended" else None)
    with pytest.raises(NoExtension):
        extend_token(actor=actor(cast), public_id=old.public_id, extend="24h", now=now)
    browser = cast.sign_in(Client(), "owner")
    url = page("credential_extend", cast.account, public_id=old.public_id)
    assert "Give it more time</button>" not in browser.get(url).text


def test_service_refuses_other_roles_and_accounts(cast, old):
    with pytest.raises(AccessRefused):
        extend_token(
            actor=actor(cast, Role.SUPPORT), public_id=old.public_id, extend="24h", now=timezone.now()
        )
    with pytest.raises(NoSuchToken):
        extend_token(
            actor=actor(cast, account=cast.other_account), public_id=old.public_id, extend="24h", now=NOW
        )


def test_database_refuses_a_second_extension_and_an_earlier_end(cast, old):
    values = {"credential": old, "ended_before": NOW, "ends_at": NOW + HOUR}
    with pytest.raises(IntegrityError), transaction.atomic():
        TokenExtension.objects.create(**values | {"ends_at": NOW})
    TokenExtension.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        TokenExtension.objects.create(**values)


# --- Warnings before the end, and the end


def kinds(*wanted):
    return list(AuditEvent.objects.filter(kind__in=wanted).order_by("id").values_list("kind", flat=True))


def test_owner_and_admins_are_warned_a_day_and_an_hour_before_the_end(cast, old, counted):
    end = old.ends_at
    note(old, "198.51.100.9", ago=timedelta(0), agent="lorry-bot/2")
    assert warn_of_ends(now=end - 25 * HOUR) == 0
    assert [warn_of_ends(now=end - 24 * HOUR + n * MINUTE) for n in (0, 1)] == [1, 0]
    mail = mails_to(cast.owner.email)[-1]
    assert "ends" in mail.subject
    for body in (mail.body, mail.alternatives[0][0]):
        assert "198.51.100.9" in body
        assert "lorry-bot/2" in body
    assert mails_to(cast.admin.email)
    assert not mails_to(cast.developer.email)
    ApiCaller.unscoped.update(last_seen_at=end - 2 * HOUR, day=(end - 2 * HOUR).date())
    assert [warn_of_ends(now=end - HOUR + n * MINUTE) for n in (0, 1)] == [1, 0]
    assert warn_of_ends(now=end) == 0
    assert len(mails_to(cast.owner.email)) == 2


def test_last_hour_of_an_unused_token_is_not_warned_about(cast, old, counted):
    assert warn_of_ends(now=old.ends_at - 20 * HOUR) == 1
    assert warn_of_ends(now=old.ends_at - HOUR) == 0


def test_end_that_was_put_off_is_warned_about_again(cast, old):
    first_end = old.ends_at
    assert warn_of_ends(now=first_end - 23 * HOUR) == 1
    extend_token(actor=actor(cast), public_id=old.public_id, extend="3d", now=first_end - 22 * HOUR)
    assert warn_of_ends(now=first_end - 21 * HOUR) == 0
    assert warn_of_ends(now=first_end + 48 * HOUR) == 1
    first, _, second = mails_to(cast.owner.email)
    assert "more time on Credentials" in first.body
    assert "more time on Credentials" not in second.body


def test_revoked_token_is_not_warned_about(cast, old):
    revoke_token(actor=actor(cast), public_id=old.public_id, now=timezone.now())
    assert warn_of_ends(now=old.ends_at - HOUR) == 0


def test_mail_about_the_end_names_the_last_callers(cast, old):
    note(old, "198.51.100.9", ago=HOUR, agent="lorry-bot/2")
    Credential.objects.filter(pk=old.pk).update(ends_at=timezone.now() - SECOND)
    end_due_credentials()
    mail = mails_to(cast.owner.email)[-1]
    assert "has ended" in mail.subject
    assert "198.51.100.9" in mail.body
    assert "lorry-bot/2" in mail.alternatives[0][0]


# --- Revoke acts at once, and one rotation makes one token


def test_revoked_token_fails_on_the_next_call_of_an_open_connection(cast):
    token, secret = make_token(cast.account)
    api = Api(cast.account.auth_id, secret)
    assert [api.ask().status_code for _ in range(3)] == [200] * 3
    revoke_token(actor=actor(cast), public_id=token.public_id, now=timezone.now())
    assert api.ask().status_code == 401


@pytest.mark.parametrize("is_away", [False, True])
def test_revoked_token_fails_with_and_without_valkey(cast, monkeypatch, is_away):
    token, secret = make_token(cast.account)
    api = Api(cast.account.auth_id, secret)
    if is_away:
        gone = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
        monkeypatch.setattr(ratelimit, "valkey", lambda: gone)
    assert api.ask().status_code == 200
    revoke_token(actor=actor(cast), public_id=token.public_id, now=timezone.now())
    assert api.ask().status_code == 401


def test_due_token_fails_at_its_end_before_the_task_ran(cast):
    token, secret = make_token(cast.account, ends_at=timezone.now() + HOUR)
    api = Api(cast.account.auth_id, secret)
    assert api.ask().status_code == 200
    Credential.objects.filter(pk=token.pk).update(ends_at=timezone.now())
    assert api.ask().status_code == 401


def in_threads(count, deed):
    barrier, found = threading.Barrier(count), []

    def run():
        barrier.wait()
        try:
            found.append(deed())
        except Exception as error:
            found.append(type(error))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_calls_that_race_with_a_revoke_end_before_it_or_are_refused(cast):
    token, secret = make_token(cast.account)
    begun_after, over = [], threading.Event()

    def call():
        api = Api(cast.account.auth_id, secret)
        codes = []
        while not over.is_set():
            is_late = bool(begun_after)
            codes.append((is_late, api.ask().status_code))
        return codes

    def revoke():
        time.sleep(0.2)
        revoke_token(actor=actor(cast), public_id=token.public_id, now=timezone.now())
        begun_after.append(True)
        time.sleep(0.2)
        over.set()
        return []

    deeds = iter([call, call, revoke])
    lock = threading.Lock()

    def run():
        with lock:
            deed = next(deeds)
        return deed()

    codes = {code for found in in_threads(3, run) for code in found}
    assert (False, 200) in codes
    assert {status for is_late, status in codes if is_late} == {401}


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_parallel_extensions_put_the_end_off_once(cast, old):
    def extend():
        token = extend_token(actor=actor(cast), public_id=old.public_id, extend="24h", now=timezone.now())
        return token.ends_at

    found = in_threads(4, extend)
    assert sorted(map(str, found)) == sorted(map(str, [old.ends_at + 24 * HOUR] + [NoExtension] * 3))


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_parallel_warnings_are_one(cast, old):
    found = in_threads(4, lambda: warn_of_ends(now=old.ends_at - 24 * HOUR))
    assert sorted(found) == [0, 0, 0, 1]


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_parallel_submits_of_one_rotation_make_one_token(cast):
    make_token(cast.account)
    browsers = [cast.sign_in(Client(), "owner") for _ in range(4)]
    form = browsers[0].get(page("credential_make", cast.account)).context["form"]
    values = {"form_id": str(form["form_id"].value()), "revoke": "24h"}
    waiting = iter(browsers)
    lock = threading.Lock()

    def submit():
        with lock:
            browser = next(waiting)
        return browser.post(page("credential_make", cast.account), values).status_code

    assert in_threads(4, submit) == [200] * 4
    assert Credential.objects.filter(ended_at=None).count() == 2
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_MADE).count() == 1


def test_rotation_gives_the_old_token_its_end(cast):
    make_token(cast.account)
    generate_token(actor=actor(cast), revoke="24h", now=NOW)
    token = Credential.objects.get(slot=1)
    assert token.ends_at == NOW + credentials.KEEP_FOR["24h"] == token.warned_day_before
    assert token.warned_hour_before is None
