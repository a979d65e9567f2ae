"""Guessing from many places at once is stopped, and never costs the owner what they have open."""

import pytest
import redis
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Credential
from accounts.services import credentials
from console.core import ratelimit
from console.core.access import Actor
from teams.roles import RIGHTS, Role
from tests.accounts.api_caller import Api
from tests.factories import PASSWORD, make_authenticator, make_token
from tests.security.steps import ORIGIN, app_code, enter_password, is_signed_in, settle, wrong

FACTOR = "/sign-in/second-factor/"


def network(number):
    """Return an address in a network of its own."""
    return f"{20 + number // 250}.{number % 250}.7.9"


def give_password(number, email, password):
    browser = Client(REMOTE_ADDR=network(number))
    browser.post("/sign-in/", {"email": email})
    return browser, browser.post("/sign-in/password/", {"username": email, "password": password})


@pytest.fixture
def home(cast):
    return reverse("accounts:profile", args=[cast.account.auth_id])


@pytest.fixture
def known(cast):
    """Return a browser from which the owner signed in before."""
    settle(cast.owner)
    make_authenticator(cast.owner)
    browser = Client()
    enter_password(browser, cast.owner)
    browser.post(f"{FACTOR}app/", {"code": app_code()})
    assert is_signed_in(browser)
    return browser


def test_forty_networks_get_five_guesses_together(cast):
    statuses = [give_password(number, cast.owner.email, "wrong guess")[1].status_code for number in range(40)]
    assert statuses[:5].count(422) == 5
    assert set(statuses[5:]) == {429}
    assert give_password(99, cast.owner.email, PASSWORD)[1].status_code == 429


def test_unknown_address_is_locked_in_the_same_way(db):
    statuses = [
        give_password(number, "nobody@halyard.example", "guess")[1].status_code for number in range(8)
    ]
    assert statuses == [422] * 5 + [429] * 3


def test_guessing_ends_no_session_and_the_known_browser_still_signs_in(cast, known, home):
    for number in range(12):
        give_password(number, cast.owner.email, "wrong guess")
    assert known.get(home).status_code == 200
    known.post("/sign-out/")
    assert not is_signed_in(known)
    assert enter_password(known, cast.owner).status_code == 302
    known.post(f"{FACTOR}app/", {"code": app_code(steps=1)})


def test_spraying_one_password_over_many_people_from_one_network_is_stopped(cast, settings):
    settings.CONSOLE_SIGN_IN_TRIES_PER_ADDRESS = 10
    statuses = []
    for number in range(14):
        browser = Client(REMOTE_ADDR=f"203.0.113.{number}")
        email = f"person{number}@halyard.example"
        browser.post("/sign-in/", {"email": email})
        answer = browser.post("/sign-in/password/", {"username": email, "password": "Summer-2026-sale"})
        statuses.append(answer.status_code)
    assert statuses == [422] * 10 + [429] * 4


@pytest.mark.parametrize("method", ["app", "recovery"])
def test_second_factor_is_not_guessed_over_many_networks(cast, known, home, method):
    guess = {"app": wrong(app_code()), "recovery": "a" * 24}[method]
    browsers = []
    for number in range(10):
        browser, answer = give_password(number, cast.owner.email, PASSWORD)
        browsers.append(browser)
        if answer.status_code == 429:
            break
        answer = browser.post(f"{FACTOR}{method}/", {"code": guess})
        assert answer.status_code in {422, 429}
        if answer.status_code == 429:
            break
    else:
        pytest.fail("ten wrong guesses from ten networks were all judged")
    assert not any(is_signed_in(browser) for browser in browsers)
    assert known.get(home).status_code == 200


def test_right_code_of_a_guesser_who_is_locked_out_opens_nothing(cast, known):
    browser, _ = give_password(1, cast.owner.email, PASSWORD)
    for _ in range(6):
        browser.post(f"{FACTOR}app/", {"code": wrong(app_code(steps=1))})
    answer = browser.post(f"{FACTOR}app/", {"code": app_code(steps=1)})
    assert answer.status_code in {302, 429}
    assert not is_signed_in(browser)


def test_step_up_guessing_stops_the_question_and_not_the_session(cast, home):
    make_authenticator(cast.owner)
    client = cast.sign_in(Client(), "owner", confirmed=False)
    question = client.post(
        reverse("security:recovery_codes_make", args=[cast.account.auth_id]), follow=False
    ).url
    page = client.get(question, follow=True).content.decode()
    token = page.split('name="token" value="')[1].split('"')[0]
    statuses = [
        client.post(f"{question}app/", {"token": token, "code": f"{number:06d}"}).status_code
        for number in range(20)
    ]
    assert statuses[-1] == 429
    assert client.get(home).status_code == 200


@pytest.mark.parametrize("is_valkey_away", [False, True])
def test_revoked_token_fails_on_the_next_call_with_or_without_valkey(cast, monkeypatch, is_valkey_away):
    credential, token = make_token(cast.account)
    monkeypatch.setattr(ratelimit, "_outage", ratelimit._Outage())
    if is_valkey_away:
        away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.05)
        monkeypatch.setattr(ratelimit, "valkey", lambda: away)
    api = Api(cast.account.auth_id, token)
    assert [api.ask().status_code for _ in range(3)] == [200] * 3
    actor = Actor(
        user=cast.owner, account=cast.account, rights=RIGHTS[Role.OWNER], role="Owner", origin=ORIGIN
    )
    credentials.revoke_token(actor=actor, public_id=credential.public_id, now=timezone.now())
    assert [api.ask().status_code for _ in range(3)] == [401] * 3
    assert Credential.objects.get().ended_at
