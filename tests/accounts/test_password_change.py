import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as console_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Session
from accounts.sessions import session_digest
from console.core.events import EventKind
from console.core.models import AuditEvent
from tests.factories import PASSWORD
from tests.work import mails_to, newest_code

NEW = "copper lantern beside the quiet river"


@pytest.fixture
def page(cast):
    return reverse("accounts:password_change", args=[cast.account.auth_id])


def test_person_changes_the_password_and_other_sessions_end(client, cast, page):
    cast.sign_in(client, "developer")
    other = cast.sign_in(Client(), "developer")
    old_key = client.cookies[console_settings.SESSION_COOKIE_NAME].value
    response = client.post(page, {"current": PASSWORD, "password": NEW}, follow=True)
    assert "Your password is changed." in response.content.decode()
    cast.developer.refresh_from_db()
    assert cast.developer.check_password(NEW)
    assert other.get(page).url == "/sign-in/"
    assert not Session.objects.filter(session_key=session_digest(old_key)).exists()
    event = AuditEvent.objects.get(kind=EventKind.PASSWORD_CHANGED)
    assert (event.chain, event.data) == (f"user:{cast.developer.pk}", {"sessions_ended": 1})
    (mail,) = mails_to(cast.developer.email)
    assert mail.subject == "Your Patchbay password was changed"
    assert "/not-me/" in mail.body


@pytest.mark.parametrize("current", ["", "wrong", " " + PASSWORD])
def test_wrong_present_password_changes_nothing(client, cast, page, current):
    cast.sign_in(client, "owner")
    response = client.post(page, {"current": current, "password": NEW})
    assert response.status_code == 422
    assert NEW not in response.content.decode()
    cast.owner.refresh_from_db()
    assert cast.owner.check_password(PASSWORD)


def test_wrong_present_passwords_are_counted(client, cast, page):
    cast.sign_in(client, "owner")
    for _ in range(5):
        assert client.post(page, {"current": "wrong", "password": NEW}).status_code == 422
    response = client.post(page, {"current": PASSWORD, "password": NEW})
    assert response.status_code == 429
    assert int(response["Retry-After"]) <= 31


@pytest.mark.parametrize("password", ["short", "Olivia-Owner-1", "HalyardLogistics1!", PASSWORD[:11]])
def test_weak_password_is_refused_with_the_reason(client, cast, page, password):
    cast.sign_in(client, "owner")
    response = client.post(page, {"current": PASSWORD, "password": password})
    assert response.status_code == 422
    assert 'id="id_password_error"' in response.content.decode()


def test_stale_sign_in_is_asked_to_confirm_first(client, cast, page):
    cast.sign_in(client, "owner")
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        response = client.post(page, {"current": PASSWORD, "password": NEW})
        assert response.status_code == 303
        assert response.url.startswith("/confirm/")
    cast.owner.refresh_from_db()
    assert cast.owner.check_password(PASSWORD)


def test_confirmed_change_goes_through_with_what_was_typed(client, cast, page):
    cast.sign_in(client, "owner")
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        address = client.post(page, {"current": PASSWORD, "password": NEW}).url
        token = re.search(r'name="token" value="([^"]+)"', client.get(address, follow=True).content.decode())[
            1
        ]
        client.post(f"{address}send/", {"channel": "sms", "token": token})
        client.post(f"{address}phone/", {"code": newest_code(cast.owner.phone), "token": token})
        cast.owner.refresh_from_db()
        assert cast.owner.check_password(PASSWORD)
        client.post(f"{address}password/", {"code": PASSWORD, "token": token})
    cast.owner.refresh_from_db()
    assert cast.owner.check_password(NEW)
