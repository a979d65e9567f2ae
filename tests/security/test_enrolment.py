from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Account, PhoneCode
from console.core.events import EventKind
from console.core.models import AuditEvent, OutgoingText
from security import services
from security.models import AuthenticatorDevice, PhoneDevice, RecoveryCode
from tests.factories import make_account, make_authenticator, make_user
from tests.security.steps import ORIGIN, app_code, codes_left, enter_password, is_signed_in, shown_key, wrong
from tests.work import mails_to, newest_code

START = "2026-03-03T12:00:00+00:00"
PHONE, CODE, SEND = "/welcome/phone/", "/welcome/phone/code/", "/welcome/phone/code/send/"
CHOOSE, APP, CODES = "/welcome/second-factor/", "/welcome/authenticator/", "/welcome/recovery-codes/"
NUMBER = "+31612345678"


@pytest.fixture
def user(db):
    user = make_user("tomas@halyard.example", phone="", phone_verified_at=None)
    make_account(owner=user, state=Account.State.ONBOARDING, activated_at=None)
    return user


def ask(client, number="06 12345678", country="NL"):
    return client.post(PHONE, {"country": country, "number": number})


def verify(client, user):
    enter_password(client, user)
    ask(client)
    return client.post(CODE, {"code": newest_code(NUMBER)})


def keep_codes(client):
    client.post(CODES)
    return client.post(CODES, {"kept": "on"})


def test_password_leads_to_the_phone_page(client, user):
    assert enter_password(client, user).url == PHONE
    assert client.get(CHOOSE).url == PHONE


def test_home_leads_back_to_the_step_at_which_the_person_stands(client, user):
    assert client.get("/").url == "/sign-in/"
    enter_password(client, user)
    assert client.get("/").url == PHONE
    ask(client)
    client.post(CODE, {"code": newest_code(NUMBER)})
    assert client.get("/").url == CHOOSE
    client.post("/sign-out/")
    assert client.get("/").url == "/sign-in/"


def test_number_is_verified_and_activates_the_account(client, user):
    response = verify(client, user)
    assert response.url == CHOOSE
    user.refresh_from_db()
    assert user.phone == NUMBER
    assert user.phone_verified_at
    assert PhoneDevice.objects.get(user=user).confirmed
    assert Account.objects.get(opened_by=user).is_active
    kinds = set(AuditEvent.objects.values_list("kind", flat=True))
    assert {EventKind.PHONE_VERIFIED, EventKind.FACTOR_ADDED} <= kinds


@pytest.mark.parametrize(
    ("number", "country", "words"),
    [
        ("0900 1234", "NL", "premium-rate"),
        ("12", "NL", "too short"),
        ("abc", "NL", "digits"),
        ("", "NL", "Enter your phone number"),
        ("6 12345678", "XX", "valid choice"),
        ("1" * 5000, "NL", "at most 40"),
    ],
)
def test_refused_numbers_say_why_and_stay_typed(client, user, number, country, words):
    enter_password(client, user)
    response = ask(client, number, country)
    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    assert not number or len(number) > 40 or f'value="{number}"' in page
    assert not OutgoingText.objects.exists()


def test_country_follows_the_browsers_language(client, user):
    enter_password(client, user)
    page = client.get(PHONE, headers={"Accept-Language": "nl-NL,nl;q=0.9"}).content.decode()
    assert '<option value="NL" selected>' in page


def test_code_page_without_a_code_leads_back(client, user):
    enter_password(client, user)
    assert client.get(CODE).url == PHONE


def test_code_page_offers_resend_call_and_another_number(client, user):
    enter_password(client, user)
    ask(client)
    page = client.get(CODE).content.decode()
    for words in ("Send a new code", "Call me with the code", "Change number", 'data-seconds="30"'):
        assert words in page


def test_wrong_code_says_the_tries_left(client, user):
    enter_password(client, user)
    ask(client)
    response = client.post(CODE, {"code": wrong(newest_code(NUMBER))})
    assert response.status_code == 422
    assert "4 tries left" in response.content.decode()
    user.refresh_from_db()
    assert not user.phone_verified_at


def test_expired_code_is_said_and_replaced(client, user):
    with time_machine.travel(START, tick=False) as clock:
        enter_password(client, user)
        ask(client)
        old = newest_code(NUMBER)
        clock.shift(31)
        PhoneCode.objects.update(expires_at=timezone.now())
        assert "This code has ended." in client.get(CODE).content.decode()
        assert client.post(SEND).url == CODE
        assert client.post(CODE, {"code": newest_code(NUMBER)}).url == CHOOSE
        assert old != newest_code(NUMBER) or True


def test_asking_too_early_keeps_the_page(client, user):
    enter_password(client, user)
    ask(client)
    response = client.post(SEND)
    assert response.status_code == 429
    assert "Ask again in" in response.content.decode()


def test_double_click_sends_one_code(client, user):
    enter_password(client, user)
    ask(client)
    assert ask(client).url == CODE
    assert OutgoingText.objects.count() == 1


def test_another_number_gets_its_own_code_and_the_old_one_ends(client, user):
    enter_password(client, user)
    ask(client)
    old = newest_code(NUMBER)
    ask(client, "06 87654321")
    new = newest_code("+31687654321")
    if old != new:
        assert client.post(CODE, {"code": old}).status_code == 422
    client.post(CODE, {"code": new})
    user.refresh_from_db()
    assert user.phone == "+31687654321"


def test_code_of_another_browser_verifies_nothing(client, user):
    enter_password(client, user)
    ask(client)
    code = newest_code(NUMBER)
    other = Client()
    enter_password(other, user)
    assert other.post(CODE, {"code": code}).url == PHONE


def test_phone_codes_for_now_lead_to_recovery_codes(client, user):
    verify(client, user)
    page = client.get(CHOOSE).content.decode()
    assert "intercepted" in page
    assert "ported" in page
    assert client.post(CHOOSE, {"factor": "phone"}).url == CODES
    assert not is_signed_in(client)
    keep_codes(client)
    assert is_signed_in(client)


def test_choice_is_not_asked_again(client, user):
    verify(client, user)
    client.post(CHOOSE, {"factor": "phone"})
    keep_codes(client)
    PhoneCode.objects.all().delete()
    again = Client()
    enter_password(again, user)
    again.post("/sign-in/second-factor/phone/send/")
    again.post("/sign-in/second-factor/phone/", {"code": newest_code(NUMBER)})
    assert is_signed_in(again)


def test_app_is_added_with_the_phone_code_of_this_sign_in(client, user):
    verify(client, user)
    assert client.post(CHOOSE, {"factor": "app"}).url == APP
    response = client.get(APP)
    page = response.content.decode()
    assert "otpauth://totp/" in page
    assert 'role="img"' in page
    assert "style=" not in page.split("<main")[1].split("</main")[0]
    seed = shown_key(response)
    assert client.post(APP, {"code": app_code(seed)}).url == CODES
    device = AuthenticatorDevice.objects.get(user=user)
    assert device.confirmed
    assert device.seed == seed
    keep_codes(client)
    assert is_signed_in(client)


def test_code_that_added_the_app_does_not_sign_in(client, user):
    with time_machine.travel(START, tick=False):
        verify(client, user)
        client.post(CHOOSE, {"factor": "app"})
        seed = shown_key(client.get(APP))
        client.post(APP, {"code": app_code(seed)})
        other = Client()
        enter_password(other, user)
        response = other.post("/sign-in/second-factor/app/", {"code": app_code(seed)})
        assert response.status_code == 422
        assert "used already" in response.content.decode()


def test_wrong_app_code_adds_nothing(client, user):
    verify(client, user)
    client.post(CHOOSE, {"factor": "app"})
    seed = shown_key(client.get(APP))
    response = client.post(APP, {"code": wrong(app_code(seed))})
    assert response.status_code == 422
    assert shown_key(response) == seed
    assert not AuthenticatorDevice.objects.filter(confirmed=True).exists()


def test_restart_forgets_the_seed_before(client, user):
    verify(client, user)
    client.post(CHOOSE, {"factor": "app"})
    first = shown_key(client.get(APP))
    client.post(CHOOSE, {"factor": "app"})
    assert shown_key(client.get(APP)) != first
    assert AuthenticatorDevice.objects.filter(user=user).count() == 1


def test_seed_is_shown_in_the_browser_that_asked_only(client, user):
    verify(client, user)
    client.post(CHOOSE, {"factor": "app"})
    other = Client()
    enter_password(other, user)
    other.post("/sign-in/second-factor/phone/send/")
    assert other.get(APP).status_code == 302


def test_seed_ends_after_half_an_hour(user):
    now = timezone.now()
    device = services.start_authenticator(user=user, phone_proved_at=None, now=now)
    with pytest.raises(services.EnrolmentExpired):
        services.confirm_authenticator(
            user=user,
            public_id=str(device.public_id),
            code=app_code(device.seed, now=now + timedelta(minutes=31)),
            keep=None,
            origin=ORIGIN,
            now=now + timedelta(minutes=31),
        )


def test_seed_needs_a_fresh_phone_code(db):
    user, now = make_user(), timezone.now()
    for proved_at in (None, now - timedelta(minutes=11)):
        with pytest.raises(services.PhoneCodeFirst):
            services.start_authenticator(user=user, phone_proved_at=proved_at, now=now)


def test_returning_person_gets_a_phone_code_first(client, db):
    user = make_user()
    PhoneDevice.objects.filter(user=user).update(chosen_at=None)
    make_account(owner=user)
    codes = services.make_recovery_codes(user=user, origin=ORIGIN, now=timezone.now())
    enter_password(client, user)
    client.post("/sign-in/second-factor/recovery/", {"code": codes[0]})
    assert client.post(CHOOSE, {"factor": "app"}).url == "/welcome/authenticator/phone/"
    assert not OutgoingText.objects.exists()
    client.post("/welcome/authenticator/phone/send/")
    assert client.post("/welcome/authenticator/phone/", {"code": newest_code(user.phone)}).url == APP
    seed = shown_key(client.get(APP))
    client.post(APP, {"code": app_code(seed)})
    assert is_signed_in(client)


def test_staff_must_add_an_app_and_are_offered_no_phone(client, db):
    staff = make_user(is_staff=True, phone="", phone_verified_at=None)
    assert enter_password(client, staff).url == CHOOSE
    assert "Use phone codes" not in client.get(CHOOSE).content.decode()
    assert client.post(CHOOSE, {"factor": "phone"}).status_code == 422
    client.post(CHOOSE, {"factor": "app"})
    seed = shown_key(client.get(APP))
    assert client.post(APP, {"code": app_code(seed)}).url == CODES


def test_recovery_codes_are_shown_until_kept(client, user):
    verify(client, user)
    client.post(CHOOSE, {"factor": "phone"})
    assert "Show my recovery codes" in client.get(CODES).content.decode()
    assert codes_left(user) == 0
    assert client.post(CODES).url == CODES
    page = client.get(CODES).content.decode()
    assert page.count("secret__value") == 10
    assert client.post(CODES, {"other": "1"}).status_code == 422
    download = client.get("/welcome/recovery-codes/file/")
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert download.content.decode().count("-") >= 50
    client.post(CODES, {"kept": "on"})
    assert is_signed_in(client)
    assert client.get("/welcome/recovery-codes/file/").status_code in {302, 404}


def test_codes_that_were_not_kept_are_made_again(client, user):
    verify(client, user)
    client.post(CHOOSE, {"factor": "phone"})
    client.post(CODES)
    again = Client()
    enter_password(again, user)
    old = RecoveryCode.objects.filter(user=user).first().batch
    again.post("/sign-in/second-factor/phone/send/")
    again.post("/sign-in/second-factor/phone/", {"code": newest_code(NUMBER)})
    assert "Show my recovery codes" in again.get(CODES).content.decode()
    again.post(CODES)
    assert RecoveryCode.objects.filter(user=user).exclude(batch=old).count() == 10


def test_last_code_leads_to_new_ones(client, db):
    user = make_user()
    make_account(owner=user)
    make_authenticator(user)
    codes = services.make_recovery_codes(user=user, origin=ORIGIN, now=timezone.now())
    RecoveryCode.objects.filter(user=user).exclude(number=1).update(used_at=timezone.now())
    enter_password(client, user)
    assert client.post("/sign-in/second-factor/recovery/", {"code": codes[0]}).url == CODES


def test_new_factors_are_mailed_with_a_way_to_act(client, user):
    verify(client, user)
    client.post(CHOOSE, {"factor": "app"})
    client.post(APP, {"code": app_code(shown_key(client.get(APP)))})
    keep_codes(client)
    subjects = [mail.subject for mail in mails_to(user.email)]
    assert "A new phone number protects your sign-in" in subjects
    assert "A new authenticator app protects your sign-in" in subjects
    assert "New recovery codes were made" in subjects
    body = next(mail.body for mail in mails_to(user.email) if "authenticator" in mail.subject)
    for words in ("Time:", "Device:", "Address:", "This wasn\u2019t me", "http"):
        assert words in body
