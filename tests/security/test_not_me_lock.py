"""Lock an account down from a "this wasn't me" mail: a factor, no session, once for each link."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Account, EmailLink, Session, User
from accounts.services.links import token_of
from accounts.services.not_me import make_not_me_link
from console.core.events import EventKind
from console.core.models import AuditEvent
from security.models import Lockdown
from tests.factories import make_account, make_authenticator, make_token
from tests.security.allowlist_steps import page
from tests.security.steps import app_code, is_signed_in, settle, wrong
from tests.work import mails_to, newest_code

PAGE = "/lock-down/"


@pytest.fixture
def link(cast):
    make_authenticator(cast.owner)
    settle(cast.owner)
    return make_not_me_link(user=cast.owner, device=None, now=timezone.now())


@pytest.fixture
def browser(client, link):
    """Return a browser without a session that opened the link."""
    client.get(f"/not-me/{token_of(link)}/")
    return client


def is_locked(account):
    return Account.objects.get(pk=account.pk).locked_down_at is not None


def press(client, account, code=None, method="app"):
    return client.post(f"{PAGE}{method}/", {"account": account.auth_id, "code": code or app_code()})


def test_opening_page_after_page_does_nothing(browser, cast):
    assert "Lock the account down" in browser.get("/not-me/").text
    response = browser.get(PAGE, follow=True)
    assert "Halyard Logistics" in response.text
    assert not is_locked(cast.account)
    assert EmailLink.objects.get().used_at is None


def test_app_code_locks_down_and_opens_no_session(browser, cast):
    owner = cast.sign_in(Client(), "owner")
    make_token(cast.account)
    response = press(browser, cast.account)
    assert "The account is locked down" in response.text
    assert is_locked(cast.account)
    assert not is_signed_in(browser)
    assert not is_signed_in(owner)
    assert not Session.objects.exclude(user=None).exists()
    row = Lockdown.unscoped.get()
    assert row.begun_by == cast.owner
    assert row.link_id is not None
    assert any("password" in mail.subject.lower() for mail in mails_to(cast.owner.email))


def test_phone_code_does_too(browser, cast):
    browser.post(f"{PAGE}send/", {"channel": "sms"})
    code = newest_code(cast.owner.phone)
    press(browser, cast.account, code=code, method="phone")
    assert is_locked(cast.account)


def test_recovery_code_does_too(client, cast):
    codes = settle(cast.owner)
    link = make_not_me_link(user=cast.owner, device=None, now=timezone.now())
    client.get(f"/not-me/{token_of(link)}/")
    press(client, cast.account, code=codes[0], method="recovery")
    assert is_locked(cast.account)


def test_wrong_code_locks_nothing_and_is_counted(browser, cast):
    response = press(browser, cast.account, code=wrong(app_code()))
    assert response.status_code == 422
    assert not is_locked(cast.account)
    assert AuditEvent.objects.filter(kind=EventKind.STEP_UP_FAILED).count() == 1


def test_a_password_is_no_way(browser, cast):
    assert browser.get(f"{PAGE}password/").status_code == 302
    browser.post(
        f"{PAGE}password/", {"account": cast.account.auth_id, "code": "violet kettle argues at dawn"}
    )
    assert not is_locked(cast.account)


def test_tries_end(browser, cast):
    statuses = [
        press(browser, cast.account, code=f"2222-2222-{number:04d}", method="recovery").status_code
        for number in range(18)
    ]
    assert statuses[0] == 422
    assert statuses[-1] == 429


def test_link_locks_down_once(browser, cast):
    press(browser, cast.account)
    Account.objects.update(locked_down_at=None, tokens_held_at=None)
    Lockdown.unscoped.update(closed_at=timezone.now())
    again = browser.get(PAGE)
    assert again.status_code == 410
    assert press(browser, cast.account, code=app_code(steps=-1)).status_code == 410
    assert not is_locked(cast.account)


def test_session_that_locked_the_account_down_before_ends_too(browser, cast):
    stranger = cast.sign_in(Client(), "admin")
    lock = stranger.post(page("lock_down", cast.account))
    assert lock.status_code == 302
    assert is_locked(cast.account)
    assert is_signed_in(stranger)
    User.objects.update(reverify_since=None)
    assert "every session has ended" in press(browser, cast.account).text
    assert not is_signed_in(stranger)
    assert Lockdown.unscoped.count() == 1
    assert set(User.objects.exclude(reverify_since=None)) >= {cast.owner, cast.admin}


def test_link_that_ended_the_sessions_may_still_lock_down(browser, cast):
    browser.post("/not-me/")
    assert EmailLink.objects.filter(purpose="not-me").exclude(used_at=None).exists()
    press(browser, cast.account)
    assert is_locked(cast.account)


def test_old_link_and_no_link_open_nothing(client, browser, cast):
    EmailLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert browser.get(PAGE).status_code == 410
    assert press(browser, cast.account).status_code == 410
    assert Client().get(PAGE).status_code == 410
    assert Client().post(f"{PAGE}send/").status_code == 410
    assert not is_locked(cast.account)


def test_person_who_is_neither_owner_nor_admin_may_not(client, cast):
    settle(cast.developer)
    make_authenticator(cast.developer)
    link = make_not_me_link(user=cast.developer, device=None, now=timezone.now())
    client.get(f"/not-me/{token_of(link)}/")
    assert "neither" in client.get(PAGE).text
    press(client, cast.account)
    assert not is_locked(cast.account)


def test_account_of_somebody_else_cannot_be_chosen(browser, cast):
    assert press(browser, cast.other_account).status_code == 422
    assert not is_locked(cast.other_account)
    assert not is_locked(cast.account)


def test_person_of_two_accounts_chooses(browser, cast):
    second = make_account("Second GmbH", owner=cast.owner)
    page = browser.get(PAGE, follow=True).text
    assert "Second GmbH" in page
    assert "Halyard Logistics" in page
    press(browser, second)
    assert is_locked(second)
    assert not is_locked(cast.account)
    assert User.objects.exclude(reverify_since=None).get() == cast.owner


def test_link_is_not_used_up_by_a_wrong_code(browser, cast):
    press(browser, cast.account, code=wrong(app_code()))
    assert EmailLink.objects.get().used_at is None
    assert settings.SESSION_COOKIE_NAME in browser.cookies
