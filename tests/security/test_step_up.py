import re
import threading
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as console_settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Credential, Session
from console.core.events import EventKind
from console.core.models import AuditEvent, OutgoingText
from security.models import HeldAct
from tests.conftest import sign_in
from tests.factories import PASSWORD, make_account, make_authenticator, make_user
from tests.security.steps import app_code, codes_left, settle, wrong
from tests.work import newest_code

START = "2026-03-03T12:00:00+00:00"


@pytest.fixture
def owner(cast):
    make_authenticator(cast.owner)
    return cast.owner


@pytest.fixture
def base(cast):
    return f"/{cast.account.auth_id}/account/settings/security/"


@pytest.fixture
def tokens(cast):
    return f"/{cast.account.auth_id}/account/settings/credentials/"


@pytest.fixture
def client(cast, owner):
    return cast.sign_in(Client(), "owner", confirmed=False)


def token_of(client, address):
    page = client.get(address, follow=True).content.decode()
    return re.search(r'name="token" value="([0-9a-f]+)"', page).group(1)


def confirm(client, address, method, code):
    return client.post(f"{address}{method}/", {"token": token_of(client, address), "code": code})


def make_codes(client, base):
    return client.post(f"{base}recovery-codes/make/").url


def test_act_waits_and_is_done_after_both_factors(client, owner, base):
    address = make_codes(client, base)
    page = client.get(address, follow=True).content.decode()
    assert "To make new recovery codes." in page
    assert "Code from your authenticator app" in page
    assert codes_left(owner) == 0
    assert confirm(client, address, "app", app_code()).url == address
    assert codes_left(owner) == 0
    response = confirm(client, address, "password", PASSWORD)
    assert response.url == f"{base}recovery-codes/"
    assert codes_left(owner) == 10
    assert Session.objects.get(user=owner).confirmed_at
    assert AuditEvent.objects.filter(kind=EventKind.STEP_UP_PASSED).count() == 2


def test_fresh_password_alone_or_fresh_code_alone_lack_the_other(client, owner, base):
    address = make_codes(client, base)
    assert client.get(f"{address}password/").url == f"{address}app/"
    confirm(client, address, "app", app_code())
    assert client.get(f"{address}app/").url == f"{address}password/"


def test_sign_in_of_a_minute_ago_proves_both(cast, owner, base):
    client = Client()
    sign_in(client, owner, at=timezone.now() - timedelta(minutes=1))
    assert client.post(f"{base}recovery-codes/make/").url == f"{base}recovery-codes/"


def test_sign_in_of_eleven_minutes_ago_proves_nothing(cast, owner, base):
    client = Client()
    sign_in(client, owner, at=timezone.now() - timedelta(minutes=11))
    assert make_codes(client, base).startswith("/confirm/")


def test_replay_happens_once(client, owner, base):
    address = make_codes(client, base)
    confirm(client, address, "app", app_code())
    token = token_of(client, address)
    client.post(f"{address}password/", {"token": token, "code": PASSWORD})
    batch = set(owner.recovery_codes.values_list("batch", flat=True))
    again = client.post(f"{address}password/", {"token": token, "code": PASSWORD})
    assert again.status_code == 409
    assert set(owner.recovery_codes.values_list("batch", flat=True)) == batch
    assert "done already" in client.get(address).content.decode()


def test_session_and_form_keys_change(client, owner, base):
    address = make_codes(client, base)
    before = client.cookies["session"].value
    confirm(client, address, "app", app_code())
    assert client.cookies["session"].value != before
    stale = Client()
    stale.cookies["session"] = before
    assert stale.get(base).status_code == 302


def test_other_tab_goes_on_with_one_click(client, owner, base):
    first, second = make_codes(client, base), client.post(f"{base}authenticator/remove/").url
    token = token_of(client, second)
    confirm(client, first, "app", app_code())
    confirm(client, first, "password", PASSWORD)
    page = client.get(second).content.decode()
    assert "Continue" in page
    response = client.post(second, {"token": token})
    assert response.url == base
    assert not owner.authenticatordevice_set.exists()


def test_other_tab_settles_with_csrf_checks_on(cast, owner, base):
    client = Client(enforce_csrf_checks=True)
    cast.sign_in(client, "owner", confirmed=False)
    page = client.get(f"{base}recovery-codes/make/").content.decode()
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page).group(1)
    address = client.post(f"{base}recovery-codes/make/", {"csrfmiddlewaretoken": csrf}).url
    other = client.post(f"{base}authenticator/remove/", {"csrfmiddlewaretoken": csrf}).url
    token = token_of(client, other)
    old_cookie = client.cookies["csrf"].value
    confirm(client, address, "app", app_code())
    assert confirm(client, address, "password", PASSWORD).status_code == 302
    assert client.cookies["csrf"].value != old_cookie
    assert client.post(other, {"token": token}).url == base
    assert client.post(f"{base}recovery-codes/make/", {"csrfmiddlewaretoken": csrf}).status_code == 403


@pytest.mark.parametrize("token", ["", "0" * 64, "x"])
def test_confirmation_needs_the_token_of_the_act(client, owner, base, token):
    address = make_codes(client, base)
    response = client.post(f"{address}app/", {"token": token, "code": app_code()})
    assert response.status_code == 403
    assert codes_left(owner) == 0


def test_wrong_code_is_counted_and_the_session_lives(client, owner, base):
    address = make_codes(client, base)
    response = confirm(client, address, "app", wrong(app_code()))
    assert response.status_code == 422
    assert client.get(base).status_code == 200
    assert AuditEvent.objects.filter(kind=EventKind.STEP_UP_FAILED).count() == 1
    assert codes_left(owner) == 0


def test_guessing_is_stopped(client, owner, base):
    address = make_codes(client, base)
    statuses = [confirm(client, address, "app", "000000").status_code for _ in range(20)]
    assert statuses[-1] == 429
    assert client.get(base).status_code == 200


def test_act_of_another_person_or_session_is_unknown(client, cast, owner, base):
    address = make_codes(client, base)
    assert cast.sign_in(Client(), "admin").get(address).status_code == 404
    same_person = cast.sign_in(Client(), "owner")
    assert same_person.get(address).status_code == 404
    assert same_person.post(f"{address}app/", {"code": app_code()}).status_code == 404


def test_act_ends_after_a_quarter_of_an_hour(client, owner, base):
    address = make_codes(client, base)
    token = token_of(client, address)
    HeldAct.objects.update(expires_at=timezone.now())
    for response in (
        client.get(address),
        client.post(f"{address}app/", {"token": token, "code": app_code()}),
    ):
        assert response.status_code == 410
        assert "waited too long" in response.content.decode()
    assert codes_left(owner) == 0


def test_act_passes_the_door_again(client, cast, owner, base):
    address = make_codes(client, base)
    confirm(client, address, "app", app_code())
    token = token_of(client, address)
    owner.memberships.all().delete()
    response = client.post(f"{address}password/", {"token": token, "code": PASSWORD})
    assert response.status_code == 404
    assert codes_left(owner) == 0


def test_body_is_sealed(client, tokens):
    client.post(f"{tokens}make/?from=here", {"revoke": "1h", "note": "plain-words"})
    assert HeldAct.objects.count() == 1
    for held in HeldAct.objects.all():
        assert b"plain-words" not in bytes(held.sealed_body)


def test_too_large_act_is_refused(client, base):
    response = client.post(f"{base}recovery-codes/make/", {"note": "x" * 300_000})
    assert response.status_code == 400
    assert not HeldAct.objects.exists()


def test_htmx_is_led_to_the_question(client, base):
    response = client.post(f"{base}recovery-codes/make/", headers={"HX-Request": "true"})
    assert response.status_code == 204
    assert response.headers["HX-Redirect"].startswith("/confirm/")


def test_phone_code_confirms_after_a_button(cast, base):
    client = cast.sign_in(Client(), "admin", confirmed=False)
    settle(cast.admin)
    sign_in(client, cast.admin, confirmed=False)
    address = make_codes(client, base)
    page = client.get(address, follow=True).content.decode()
    assert "Text me a code" in page
    assert not OutgoingText.objects.exists()
    assert client.post(f"{address}send/", {"token": token_of(client, address)}).url == f"{address}phone/"
    code = newest_code(cast.admin.phone)
    assert "Call me instead" in client.get(f"{address}phone/").content.decode()
    assert confirm(client, address, "phone", code).url == address


def test_code_for_signing_in_does_not_confirm(cast, base):
    from accounts.services import request_phone_code
    from tests.security.steps import ORIGIN

    client = cast.sign_in(Client(), "admin", confirmed=False)
    address = make_codes(client, base)
    session = Session.objects.get(user=cast.admin)
    request_phone_code(
        user=cast.admin,
        purpose="sign-in",
        number=cast.admin.phone,
        channel="sms",
        binding=session.public_id.hex,
        origin=ORIGIN,
        now=timezone.now(),
    )
    assert confirm(client, address, "phone", newest_code(cast.admin.phone)).status_code == 422


def test_one_fresh_factor_is_enough_elsewhere(client, owner, tokens):
    address = client.post(f"{tokens}make/", {"form_id": uuid.uuid4(), "revoke": "now"}).url
    page = client.get(address, follow=True).content.decode()
    assert "To generate an Auth Token." in page
    assert "Use your password" in page
    answer = confirm(client, address, "password", PASSWORD)
    assert answer.status_code == 200
    assert Credential.objects.filter(ended_at=None).count() == 1


def test_refused_form_drawn_by_the_replay_can_be_sent_again(client, owner, base, tokens):
    address = client.post(f"{tokens}make/", {"revoke": "bogus"}).url
    answer = confirm(client, address, "password", PASSWORD)
    assert answer.status_code == 422
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.content.decode()).group(1)
    assert client.post(f"{address}password/", {"revoke": "never"}).status_code == 403
    typed = {"form_id": uuid.uuid4(), "revoke": "never", "csrfmiddlewaretoken": csrf}
    assert client.post(f"{address}password/", typed).status_code == 200


def test_confirmation_lasts_ten_minutes(cast, owner, base):
    with time_machine.travel(START, tick=False) as clock:
        client = Client()
        sign_in(client, owner)
        clock.shift(timedelta(minutes=9, seconds=59))
        assert client.post(f"{base}recovery-codes/make/").url == f"{base}recovery-codes/"
        clock.shift(timedelta(seconds=2))
        assert make_codes(client, base).startswith("/confirm/")


@pytest.mark.django_db(transaction=True)
def test_two_clicks_carry_the_act_out_once():
    user = make_user()
    account = make_account(owner=user)
    client = Client()
    sign_in(client, user, confirmed=False)
    base = f"/{account.auth_id}/account/settings/security/"
    address = make_codes(client, base)
    token = token_of(client, address)
    Session.objects.update(confirmed_at=timezone.now())
    barrier, statuses = threading.Barrier(3), []

    def click():
        other = Client()
        other.cookies[console_settings.SESSION_COOKIE_NAME] = client.cookies["session"].value
        barrier.wait()
        statuses.append(other.post(address, {"token": token}).status_code)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302, 409, 409]
    assert AuditEvent.objects.filter(kind=EventKind.RECOVERY_CODES_MADE).count() == 1
