"""The allowlist at the door of the API: before anything counts, on the next call, closed when it breaks."""

import threading
from datetime import timedelta

import plivo.exceptions
import pytest
from django.db import connection
from django.db.utils import DataError
from django.utils import timezone

from accounts.models import Account, ApiCaller, Credential
from accounts.services import api_use, callers
from accounts.services.sweeping import sweep_old
from accounts.tasks.credentials import flush_callers
from console.core import ratelimit
from security.models import AllowlistEntry
from security.services import allowlist_guard
from security.services.allowlist import add_entry, remove_entry
from tests.accounts.api_caller import UUID, Api
from tests.factories import make_subaccount, make_token
from tests.sdk import connect, lead_to
from tests.security.allowlist_steps import actor_of, grant

LISTED, OTHER = "192.0.2.7", "198.51.100.9"


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch):
    monkeypatch.setattr(callers, "pending", callers.Pending())
    monkeypatch.setattr(api_use, "recent", api_use.Recent())
    monkeypatch.setattr(ratelimit, "_local", ratelimit._LocalBuckets())
    monkeypatch.setattr(ratelimit, "_outage", ratelimit._Outage())


@pytest.fixture
def api(cast):
    return Api(cast.account.auth_id, make_token(cast.account)[1], LISTED)


def from_(api, address):
    return Api(api.auth_id, api.token, address).ask()


def test_list_that_is_off_costs_no_query(cast, api, django_assert_num_queries):
    api.ask()
    with django_assert_num_queries(2):  # caller and balance, as without a guard
        assert api.ask().status_code == 200
    grant(cast.account, "enforcing", "192.0.2.0/24")
    with django_assert_num_queries(3):
        assert api.ask().status_code == 200


def test_listed_address_is_let_in_and_another_is_refused_with_a_reason(cast, api):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    assert api.ask().status_code == 200
    refused = from_(api, OTHER)
    body = refused.json()
    assert UUID.fullmatch(body.pop("api_id"))
    assert (refused.status_code, body) == (
        403,
        {"error": "this address may not call the API", "code": "ip_not_allowed"},
    )


def test_refused_call_touches_no_limit_and_no_last_use(cast, api):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    refused = from_(api, OTHER)
    assert "X-RateLimit-Remaining" not in refused.headers
    api_use.flush_last_use()
    assert Credential.objects.get().last_used_at is None
    assert api.ask().headers["X-RateLimit-Remaining"] == "299"


def test_unknown_path_of_the_account_is_guarded_too(cast, api):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    path = f"/v1/Account/{api.auth_id}/Nothing/"
    assert api.ask(path=path).status_code == 404
    assert Api(api.auth_id, api.token, OTHER).ask(path=path).json()["code"] == "ip_not_allowed"


def test_wrong_token_is_told_nothing_of_the_list(cast, api):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    assert Api(api.auth_id, "wrong", OTHER).ask().status_code == 401


@pytest.mark.parametrize(
    ("network", "address", "status"),
    [
        ("192.0.2.7/32", "192.0.2.7", 200),
        ("192.0.2.7/32", "192.0.2.8", 403),
        ("192.0.2.0/24", "::ffff:192.0.2.9", 200),
        ("192.0.2.0/24", "::ffff:198.51.100.9", 403),
        ("2001:db8::/32", "2001:db8:9::1", 200),
        ("2001:db8::/32", "2001:db9::1", 403),
        ("2001:db8::/32", "192.0.2.7", 403),
        ("192.0.2.0/24", "", 403),
        ("192.0.2.0/24", "unknown", 403),
        ("fe80::/16", "fe80::1%eth0", 403),
    ],
)
def test_each_kind_of_address_is_judged(cast, api, network, address, status):
    grant(cast.account, "enforcing", network)
    assert from_(api, address).status_code == status


def test_forwarded_address_is_not_believed(cast, api):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    answer = Api(api.auth_id, api.token, OTHER).ask(**{"X-Forwarded-For": LISTED, "X-Real-IP": LISTED})
    assert answer.status_code == 403


def test_entry_counts_until_it_ends(cast, api):
    now = timezone.now()
    grant(cast.account, "enforcing", "192.0.2.0/24", expires_at=now + timedelta(hours=1))
    assert api.ask().status_code == 200
    AllowlistEntry.unscoped.update(expires_at=now - timedelta(seconds=1))
    assert api.ask().status_code == 403


@pytest.mark.parametrize("mode", ["off", "report"])
def test_other_modes_refuse_nobody(cast, api, mode):
    grant(cast.account, mode, "192.0.2.0/24")
    assert from_(api, OTHER).status_code == 200


def test_change_acts_on_the_next_call(cast, api):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    owner = actor_of(cast)
    assert from_(api, OTHER).status_code == 403
    added = add_entry(actor=owner, network=OTHER, label="", expires_at=None, now=timezone.now())
    assert from_(api, OTHER).status_code == 200
    remove_entry(actor=owner, public_id=added.entry.public_id)
    assert from_(api, OTHER).status_code == 403
    Account.objects.update(allowlist_mode="off")
    assert from_(api, OTHER).status_code == 200


def test_unconfirmed_list_lets_go_at_its_deadline_without_the_task(cast, api):
    access = grant(cast.account, "enforcing", "192.0.2.0/24")
    access.confirm_by = timezone.now() - timedelta(seconds=1)
    access.save()
    assert from_(api, OTHER).status_code == 200


def test_other_accounts_list_lets_nobody_in(cast, api):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    grant(cast.other_account, "enforcing", f"{OTHER}/32")
    assert from_(api, OTHER).status_code == 403


@pytest.mark.parametrize("error", [DataError, ValueError, RuntimeError])
def test_guard_that_breaks_lets_nobody_in(cast, api, monkeypatch, error):
    grant(cast.account, "enforcing", "192.0.2.0/24")

    def broken(*_):
        raise error("broken")

    monkeypatch.setattr(allowlist_guard, "_look_up", broken)
    assert api.ask().json()["code"] == "ip_not_allowed"


def test_enforcing_without_its_row_lets_nobody_in(cast, api):
    Account.objects.update(allowlist_mode="enforcing")
    assert api.ask().status_code == 403


def test_guard_needs_no_valkey(cast, api, monkeypatch):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    monkeypatch.setattr(callers, "try_valkey", lambda _: None)
    assert (api.ask().status_code, from_(api, OTHER).status_code) == (200, 403)


# --- What is noted


def seen():
    flush_callers()
    return set(ApiCaller.unscoped.values_list("ip", "verdict", "calls"))


def test_callers_are_counted_by_what_became_of_them(cast, api):
    api.ask()
    grant(cast.account, "report", "192.0.2.0/24")
    api.ask()
    from_(api, OTHER)
    Account.objects.update(allowlist_mode="enforcing")
    from_(api, OTHER)
    from_(api, "")
    assert seen() == {
        (LISTED, "admitted", 1),
        (OTHER, "reported", 1),
        (OTHER, "refused", 1),
        (None, "refused", 1),
    }
    row = ApiCaller.unscoped.get(ip=OTHER, verdict="refused")
    assert row.endpoint == "GET /v1/Account/{auth_id}/"


def test_counts_of_several_flushes_add_up_and_a_second_flush_adds_nothing(cast, api):
    api.ask()
    flush_callers()
    callers.pending = callers.Pending()
    api.ask()
    assert seen() == {(LISTED, "admitted", 2)}
    assert seen() == {(LISTED, "admitted", 2)}


def test_busy_caller_is_told_once_a_second_with_nothing_lost():
    pending = callers.Pending()
    assert [pending.count("a", at) for at in (0, 0.2, 0.9, 1.0, 1.1, 2.5)] == [1, 0, 0, 3, 0, 2]
    assert pending.count("b", 2.5) == 1


def test_old_callers_are_forgotten(cast, api):
    api.ask()
    flush_callers()
    ApiCaller.unscoped.update(day=timezone.now().date() - timedelta(days=31))
    sweep_old(now=timezone.now())
    assert not ApiCaller.unscoped.exists()


# --- Under load


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_list_that_is_edited_while_calls_run_never_answers_wrongly(cast, api):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    owner, codes, over = actor_of(cast), [], threading.Event()

    def call():
        while not over.is_set():
            codes.append((api.ask().status_code, from_(api, OTHER).status_code))
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        added = add_entry(actor=owner, network=OTHER, label="", expires_at=None, now=timezone.now())
        assert from_(api, OTHER).status_code == 200
        remove_entry(actor=owner, public_id=added.entry.public_id)
        assert from_(api, OTHER).status_code == 403
    over.set()
    for thread in threads:
        thread.join()
    assert codes
    assert {first for first, _ in codes} <= {200, 429}
    assert {second for _, second in codes} <= {200, 403, 429}


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_sdk_call_from_another_address_is_a_forbidden_error(cast, live_server, monkeypatch):
    lead_to(live_server.url, monkeypatch)
    _, token = make_token(cast.account)
    sdk = connect(cast.account.auth_id, token)
    assert sdk.account.get().id == cast.account.auth_id
    grant(cast.account, "enforcing", "192.0.2.0/24")
    with pytest.raises(plivo.exceptions.ForbiddenError):
        sdk.account.get()


# --- Lists of subaccounts


def refuse_all(*, caller, ip, now):
    return False


def welcome_all(*, caller, ip, now):
    return True


def break_down(*, caller, ip, now):
    raise RuntimeError("broken")


@pytest.fixture
def sub(cast):
    """Return the API of a subaccount, which answers 403 for another reason when its address is let in."""
    made, token = make_subaccount(cast.account)
    return Api(made.auth_id, token, LISTED)


@pytest.fixture
def narrow(settings):
    """Set the lists of subaccounts."""

    def use(*names):
        settings.ALLOWLIST_NARROWINGS = tuple(f"{__name__}.{name}" for name in names)
        allowlist_guard._narrowings.cache_clear()

    yield use
    allowlist_guard._narrowings.cache_clear()


@pytest.mark.parametrize(
    ("names", "listed", "other"),
    [
        ((), "let in", "ip_not_allowed"),
        (("welcome_all",), "let in", "ip_not_allowed"),
        (("refuse_all",), "ip_not_allowed", "ip_not_allowed"),
        (("welcome_all", "refuse_all"), "ip_not_allowed", "ip_not_allowed"),
        (("break_down",), "ip_not_allowed", "ip_not_allowed"),
    ],
)
def test_subaccount_narrows_its_accounts_list_and_never_widens_it(
    cast, api, sub, narrow, names, listed, other
):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    narrow(*names)
    codes = [sub.ask().json().get("code"), from_(sub, OTHER).json().get("code")]
    assert ["let in" if code != "ip_not_allowed" else code for code in codes] == [listed, other]
    assert api.ask().status_code == 200  # the main account has no list but its own


@pytest.mark.parametrize("mode", ["off", "report"])
def test_subaccount_narrows_while_the_accounts_list_refuses_nobody(cast, sub, narrow, mode):
    grant(cast.account, mode, "192.0.2.0/24")
    narrow("refuse_all")
    assert sub.ask().json()["code"] == "ip_not_allowed"
    assert seen() == {(LISTED, "refused", 1)}
