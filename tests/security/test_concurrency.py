"""The same thing sent several times in the same instant, over the pages, has one effect."""

import re
import threading
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Credential, EmailLink, Session, User
from accounts.services import credentials, links
from accounts.services.activation import make_activation_link
from accounts.services.password import make_reset_link
from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from security.models import PhoneDevice
from teams.roles import RIGHTS, Role
from tests.accounts.api_caller import Api
from tests.conftest import sign_in
from tests.factories import make_account, make_authenticator, make_token, make_user
from tests.security.at_once import at_once, same_browser
from tests.security.steps import ORIGIN, app_code, enter_password, settle
from tests.work import newest_code

pytestmark = [pytest.mark.transactional, pytest.mark.django_db(transaction=True)]
FACTOR = "/sign-in/second-factor/"


@pytest.fixture
def user():
    user = make_user()
    make_authenticator(user)
    return user


def at_the_second_factor(user, count):
    browsers = [Client() for _ in range(count)]
    for browser in browsers:
        enter_password(browser, user)
    return browsers


def count(kind):
    return AuditEvent.objects.filter(kind=kind).count()


def test_one_app_code_signs_one_of_four_browsers_in(user):
    settle(user)
    browsers, code = at_the_second_factor(user, 4), app_code()
    answers = at_once(
        *[lambda browser=browser: browser.post(f"{FACTOR}app/", {"code": code}) for browser in browsers]
    )
    assert sum(answer.status_code == 302 for answer in answers) == 1
    assert Session.objects.filter(user=user).count() == 1
    assert count(EventKind.SIGN_IN_COMPLETED) == 1


def test_one_recovery_code_signs_one_of_four_browsers_in(user):
    codes = settle(user)
    browsers = at_the_second_factor(user, 4)
    answers = at_once(
        *[
            lambda browser=browser: browser.post(f"{FACTOR}recovery/", {"code": codes[0]})
            for browser in browsers
        ]
    )
    assert sum(answer.status_code == 302 for answer in answers) == 1
    assert Session.objects.filter(user=user).count() == 1
    assert count(EventKind.RECOVERY_CODE_USED) == 1


def test_one_phone_code_clicked_four_times_signs_in_once():
    user = make_user()
    settle(user)
    (browser,) = at_the_second_factor(user, 1)
    browser.post(f"{FACTOR}phone/send/")
    code = newest_code(user.phone)
    tabs = [same_browser(browser) for _ in range(4)]
    at_once(*[lambda tab=tab: tab.post(f"{FACTOR}phone/", {"code": code}) for tab in tabs])
    assert Session.objects.filter(user=user).count() == 1
    assert count(EventKind.SIGN_IN_COMPLETED) == 1


def test_one_code_proves_one_number_once():
    user = make_user(phone="", phone_verified_at=None)
    make_account(owner=user, state=Account.State.ONBOARDING, activated_at=None)
    browser = Client()
    enter_password(browser, user)
    browser.post("/welcome/phone/", {"country": "NL", "number": "06 12345678"})
    code = newest_code("+31612345678")
    tabs = [same_browser(browser) for _ in range(4)]
    at_once(*[lambda tab=tab: tab.post("/welcome/phone/code/", {"code": code}) for tab in tabs])
    assert PhoneDevice.objects.filter(user=user).count() == 1
    assert [count(kind) for kind in (EventKind.PHONE_VERIFIED, EventKind.ACCOUNT_ACTIVATED)] == [1, 1]


def test_one_rotation_form_in_four_tabs_makes_one_token():
    owner = make_user()
    account = make_account(owner=owner)
    make_token(account)
    client = Client()
    sign_in(client, owner)
    values = {"form_id": str(uuid.uuid4()), "revoke": "24h"}
    address = reverse("accounts:credential_make", args=[account.auth_id])
    tabs = [same_browser(client) for _ in range(4)]
    answers = at_once(*[lambda tab=tab: tab.post(address, values) for tab in tabs])
    assert {answer.status_code for answer in answers} == {200}
    shown = [answer for answer in answers if re.search(r"\bpbt_[A-Za-z0-9]{30,}", answer.content.decode())]
    assert len(shown) == 1
    assert Credential.objects.count() == 2
    assert count(EventKind.CREDENTIAL_MADE) == 1


def test_one_reset_link_in_four_browsers_sets_one_password():
    user = make_user()
    token = links.token_of(make_reset_link(user=user, now=timezone.now()))
    browsers = [Client() for _ in range(4)]
    for browser in browsers:
        browser.get(reverse("accounts:password_reset_open", args=[token]))
    words = ["copper lantern by the quiet river", "seven otters fold nine paper maps"] * 2
    answers = at_once(
        *[
            lambda browser=browser, word=word: browser.post("/reset/new/", {"password": word})
            for browser, word in zip(browsers, words, strict=True)
        ]
    )
    assert sum(answer.status_code == 302 for answer in answers) == 1
    assert count(EventKind.PASSWORD_RESET) == 1
    winner = next(word for word, answer in zip(words, answers, strict=True) if answer.status_code == 302)
    assert User.objects.get(pk=user.pk).check_password(winner)


def test_one_activation_link_in_four_browsers_confirms_once():
    user = make_user(email_verified_at=None)
    link = make_activation_link(user=user, now=timezone.now())
    token = links.token_of(link)
    browsers = [Client() for _ in range(4)]
    address = reverse("accounts:activate_link", args=[token])
    pages = [browser.get(address) for browser in browsers]
    at_once(*[lambda browser=browser: browser.post(pages[0].url) for browser in browsers])
    assert count(EventKind.EMAIL_VERIFIED) == 1
    assert EmailLink.objects.get(pk=link.pk).used_at


def test_wrong_codes_of_twelve_browsers_at_once_are_all_counted(user):
    """Ten recovery codes an hour are judged for one person, wherever they come from."""
    settle(user)
    browsers = at_the_second_factor(user, 12)
    answers = at_once(
        *[
            lambda browser=browser: browser.post(f"{FACTOR}recovery/", {"code": "x" * 24})
            for browser in browsers
        ]
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) == {422, 429}
    assert statuses.count(422) <= 10


def test_session_is_over_in_every_tab_once_it_was_ended():
    owner = make_user()
    account = make_account(owner=owner)
    here, there = Client(), Client()
    for browser in (here, there):
        sign_in(browser, owner)
    home = reverse("accounts:profile", args=[account.auth_id])
    tabs = [same_browser(there) for _ in range(3)]
    assert {tab.get(home).status_code for tab in tabs} == {200}
    here.post(reverse("accounts:sessions_end_others", args=[account.auth_id]))
    assert {answer.status_code for answer in at_once(*[lambda tab=tab: tab.get(home) for tab in tabs])} == {
        302
    }
    assert here.get(home).status_code == 200


def test_no_call_gets_through_after_the_token_was_revoked():
    owner = make_user()
    account = make_account(owner=owner)
    credential, token = make_token(account)
    over, late, early = threading.Event(), [], []

    def call():
        api = Api(account.auth_id, token)
        while not over.is_set():
            was_revoked = revoked.is_set()
            status = api.ask().status_code
            (late if was_revoked else early).append(status)
            if was_revoked and len(late) > 8:
                break
        connection.close()

    revoked = threading.Event()
    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    while len(early) < 6:
        over.wait(0.01)
    actor = Actor(user=owner, account=account, rights=RIGHTS[Role.OWNER], role="Owner", origin=ORIGIN)
    credentials.revoke_token(actor=actor, public_id=credential.public_id, now=timezone.now())
    revoked.set()
    for caller in callers:
        caller.join(30)
    over.set()
    assert 200 in early
    assert set(early) <= {200, 401}
    assert late
    assert set(late) == {401}
