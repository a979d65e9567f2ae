import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import PhoneCode, Session
from console.core.errors import DomainError, TooManyRequests
from console.core.events import EventKind
from console.core.models import AuditEvent, OutgoingText
from security.models import AuthenticatorDevice, RecoveryCode
from security.services import WrongFactor, check_second_factor
from tests.factories import make_account, make_authenticator, make_user
from tests.security.steps import ORIGIN, app_code, codes_left, enter_password, is_signed_in, settle, wrong
from tests.work import newest_code

START = "2026-03-03T12:00:00+00:00"
APP, PHONE, RECOVERY = (f"/sign-in/second-factor/{name}/" for name in ("app", "phone", "recovery"))


@pytest.fixture
def user(db):
    user = make_user("tomas@halyard.example", full_name="Tomas Lindqvist")
    make_account(owner=user)
    user.codes = settle(user)
    return user


@pytest.fixture
def app(user):
    return make_authenticator(user)


def check(user, code, method="app", *, binding="b1", now=None):
    return check_second_factor(
        user=user,
        method=method,
        code=code,
        binding=binding,
        device_key="",
        origin=ORIGIN,
        now=now or timezone.now(),
    )


def test_password_alone_opens_nothing(client, user):
    assert enter_password(client, user).status_code == 302
    assert not is_signed_in(client)
    assert client.get("/").url.startswith("/sign-in/")


def test_strongest_factor_comes_first(client, user, app):
    enter_password(client, user)
    assert client.get("/sign-in/second-factor/").url == APP


def test_person_with_an_app_and_no_phone_proves_the_app_before_adding_a_number(client, db):
    person = make_user(phone="", phone_verified_at=None)
    make_authenticator(person)
    assert enter_password(client, person).url == "/sign-in/second-factor/"
    assert client.get("/welcome/phone/").url == "/sign-in/second-factor/"
    answer = client.post(APP, {"code": app_code()})
    assert answer.url == "/welcome/phone/"


def test_phone_comes_first_without_an_app(client, user):
    enter_password(client, user)
    assert client.get("/sign-in/second-factor/").url == PHONE
    assert client.get(APP).url == "/sign-in/second-factor/"


def test_app_code_signs_in(client, user, app):
    enter_password(client, user)
    response = client.post(APP, {"code": app_code()})
    assert response.status_code == 302
    assert is_signed_in(client)
    session = Session.objects.get(user=user)
    assert session.method == "totp"
    assert session.confirmed_at


def test_session_key_is_new_after_the_second_factor(client, user, app):
    enter_password(client, user)
    before = client.cookies["session"].value
    client.post(APP, {"code": app_code()})
    assert client.cookies["session"].value != before
    stale = Client()
    stale.cookies["session"] = before
    assert not is_signed_in(stale)


def test_code_may_be_typed_with_spaces(client, user, app):
    enter_password(client, user)
    code = app_code()
    client.post(APP, {"code": f"{code[:3]} {code[3:]}"})
    assert is_signed_in(client)


def test_wrong_app_code_says_how_many_tries_are_left(client, user, app):
    enter_password(client, user)
    response = client.post(APP, {"code": wrong(app_code())})
    assert response.status_code == 422
    assert "4 tries left" in response.content.decode()
    assert AuditEvent.objects.filter(kind=EventKind.SECOND_FACTOR_FAILED, user_id=user.pk).count() == 1
    assert not is_signed_in(client)


@pytest.mark.parametrize("code", ["", "12", "abcdef", "1234567", "12345\x00", "1" * 5000, "١٢٣٤٥٦"])
def test_bad_input_is_refused_without_counting(client, user, app, code):
    enter_password(client, user)
    assert client.post(APP, {"code": code}).status_code == 422
    app.refresh_from_db()
    assert app.throttling_failure_count == 0


def test_app_code_works_once(user, app):
    now, code = timezone.now(), app_code()
    assert check(user, code, now=now) == "totp"
    with pytest.raises(DomainError, match="used already"):
        check(user, code, now=now)


def test_previous_step_is_accepted_once_and_the_next_one_not(user, app):
    now = timezone.now()
    assert check(user, app_code(steps=-1, now=now), now=now) == "totp"
    with pytest.raises(DomainError, match="used already"):
        check(user, app_code(steps=-1, now=now), now=now)
    with pytest.raises(WrongFactor):
        check(user, app_code(steps=1, now=now), now=now)


def test_older_step_is_refused_after_a_newer_one(user, app):
    now = timezone.now()
    check(user, app_code(now=now), now=now)
    with pytest.raises(DomainError, match="used already"):
        check(user, app_code(steps=-1, now=now), now=now)


def test_wait_grows_with_wrong_codes_and_ends_with_a_right_one(user, app):
    now = timezone.now()
    with pytest.raises(WrongFactor):
        check(user, wrong(app_code(now=now)), now=now)
    with pytest.raises(TooManyRequests) as early:
        check(user, app_code(now=now), now=now)
    assert early.value.retry_after == 1
    later = now + timedelta(seconds=2)
    assert check(user, app_code(now=later), now=later) == "totp"
    app.refresh_from_db()
    assert app.throttling_failure_count == 0


def test_guessing_for_a_day_stays_under_a_hundred_tries(user, app, settings):
    settings.CONSOLE_SIGN_IN_TRIES = settings.CONSOLE_SIGN_IN_TRIES_PER_ADDRESS = 10**6  # the device alone
    now, tries = timezone.now(), 0
    end = now + timedelta(days=1)
    while now < end:
        try:
            check(user, wrong(app_code(now=now)), now=now)
        except TooManyRequests as error:
            now += timedelta(seconds=error.retry_after)
        except WrongFactor:
            tries += 1
    assert tries < 40


def test_too_many_wrong_factors_lock_the_person(user, app):
    now = timezone.now()
    for _ in range(5):
        now += timedelta(seconds=20)
        with pytest.raises(WrongFactor):
            check(user, wrong(app_code(now=now)), now=now)
    with pytest.raises(TooManyRequests):
        check(user, user.codes[0], "recovery", now=now + timedelta(seconds=20))


def test_throttled_page_answers_429_and_keeps_the_way_open(client, user, app):
    enter_password(client, user)
    client.post(APP, {"code": wrong(app_code())})
    response = client.post(APP, {"code": app_code()})
    assert response.status_code == 429
    assert "Recovery code" in response.content.decode()


def test_opening_the_phone_page_sends_nothing(client, user):
    enter_password(client, user)
    page = client.get(PHONE).content.decode()
    assert "Text me a code" in page
    assert f"ending in {user.phone[-2:]}" in page
    assert user.phone not in page
    assert user.phone[-4:] not in page
    assert not OutgoingText.objects.exists()


def test_phone_code_signs_in(client, user):
    enter_password(client, user)
    response = client.post("/sign-in/second-factor/phone/send/")
    assert response.url == PHONE
    page = client.get(PHONE).content.decode()
    assert "by SMS" in page
    client.post(PHONE, {"code": newest_code(user.phone)})
    assert is_signed_in(client)
    assert Session.objects.get(user=user).method == "sms"


def test_call_brings_the_code_after_half_a_minute(client, user):
    with time_machine.travel(START, tick=False) as clock:
        enter_password(client, user)
        client.post("/sign-in/second-factor/phone/send/")
        early = client.post("/sign-in/second-factor/phone/send/", {"channel": "voice"})
        assert early.status_code == 429
        clock.shift(31)
        assert client.post("/sign-in/second-factor/phone/send/", {"channel": "voice"}).status_code == 302
        client.post(PHONE, {"code": newest_code(user.phone)})
        assert is_signed_in(client)
        assert Session.objects.get(user=user).method == "voice"


def test_phone_code_of_another_browser_or_purpose_is_refused(client, user):
    enter_password(client, user)
    client.post("/sign-in/second-factor/phone/send/")
    code = newest_code(user.phone)
    other = Client()
    enter_password(other, user)
    assert other.post(PHONE, {"code": code}).status_code == 422
    PhoneCode.objects.update(purpose=PhoneCode.Purpose.STEP_UP)
    assert client.post(PHONE, {"code": code}).status_code == 422
    PhoneCode.objects.update(purpose=PhoneCode.Purpose.SIGN_IN, number="+31611111111")
    assert client.post(PHONE, {"code": code}).status_code == 422
    assert not is_signed_in(client)


def test_expired_phone_code_is_refused(client, user):
    with time_machine.travel(START, tick=False) as clock:
        enter_password(client, user)
        clock.shift(30)
        client.post("/sign-in/second-factor/phone/send/")
        code = newest_code(user.phone)
        PhoneCode.objects.update(expires_at=timezone.now())
        response = client.post(PHONE, {"code": code})
        assert response.status_code == 422
        assert "10 minutes" in response.content.decode()


def test_fifth_wrong_phone_code_ends_the_code_and_counts(client, user):
    enter_password(client, user)
    client.post("/sign-in/second-factor/phone/send/")
    code = newest_code(user.phone)
    for left in (4, 3, 2):
        response = client.post(PHONE, {"code": wrong(code)})
        assert f"{left} tries left" in response.content.decode()
    assert AuditEvent.objects.filter(kind=EventKind.SECOND_FACTOR_FAILED).count() == 3


def test_recovery_code_signs_in_once(client, user):
    enter_password(client, user)
    client.post(RECOVERY, {"code": user.codes[0].upper().replace("-", " ")})
    assert is_signed_in(client)
    assert Session.objects.get(user=user).method == "recovery-code"
    assert codes_left(user) == 9
    other = Client()
    enter_password(other, user)
    response = other.post(RECOVERY, {"code": user.codes[0]})
    assert response.status_code == 422
    assert not is_signed_in(other)


def test_recovery_code_of_somebody_else_is_refused(client, user):
    stranger = make_user()
    enter_password(client, user)
    assert client.post(RECOVERY, {"code": settle(stranger)[0]}).status_code == 422


def test_recovery_tries_are_limited(client, user, settings):
    settings.CONSOLE_SIGN_IN_TRIES = 1000
    for _ in range(10):
        with pytest.raises(WrongFactor):
            check(user, "aaaa-bbbb", "recovery")
    with pytest.raises(TooManyRequests):
        check(user, user.codes[0], "recovery")


def test_other_ways_have_their_own_addresses(client, user, app):
    enter_password(client, user)
    page = client.get(APP).content.decode()
    assert PHONE in page
    assert RECOVERY in page
    assert "10 left" in page


def test_staff_with_an_app_get_no_phone_code(client, db):
    staff = make_user(is_staff=True)
    make_authenticator(staff)
    enter_password(client, staff)
    assert client.get(PHONE).url == "/sign-in/second-factor/"
    assert client.post("/sign-in/second-factor/phone/send/").url == "/sign-in/second-factor/"
    assert not OutgoingText.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["app", "recovery", "phone"])
def test_one_of_two_requests_with_one_code_succeeds(method):
    user = make_user()
    codes = settle(user)
    make_authenticator(user)
    now = timezone.now()
    code = {"app": app_code(now=now), "recovery": codes[0], "phone": ""}[method]
    if method == "phone":
        from accounts.services import request_phone_code

        request_phone_code(
            user=user,
            purpose="sign-in",
            number=user.phone,
            channel="sms",
            binding="b1",
            origin=ORIGIN,
            now=now,
        )
        code = newest_code(user.phone)
    barrier, outcomes = threading.Barrier(4), []

    def attempt():
        barrier.wait()
        try:
            outcomes.append(check(user, code, method, now=now))
        except DomainError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4
    assert sum(outcome in {"totp", "recovery-code", "sms"} for outcome in outcomes) == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_wrong_codes_are_counted_exactly(settings):
    settings.CONSOLE_SIGN_IN_TRIES = 1000
    user = make_user()
    make_authenticator(user)
    now = timezone.now()
    code = wrong(app_code(now=now))

    def attempt():
        try:
            check(user, code, now=now)
        except DomainError:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The first one counts, the others come too early.
    assert AuthenticatorDevice.objects.get(user=user).throttling_failure_count == 1
    assert AuditEvent.objects.filter(kind=EventKind.SECOND_FACTOR_FAILED).count() == 1


def test_rows_hold_no_code_and_no_seed(client, user, app):
    enter_password(client, user)
    client.post("/sign-in/second-factor/phone/send/")
    code = newest_code(user.phone)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(t::text, '') FROM accounts_phonecode t)"
            " || (SELECT string_agg(t::text, '') FROM security_authenticatordevice t)"
            " || (SELECT string_agg(t::text, '') FROM security_recoverycode t)"
            " || coalesce((SELECT string_agg(t::text, '') FROM core_auditevent t), '')"
            " || coalesce((SELECT string_agg(t::text, '') FROM core_outgoingtext t), '')"
        )
        dump = cursor.fetchone()[0]
    needles = [
        app.seed.hex(),
        "12345678901234567890",
        *user.codes,
        *(one.replace("-", "") for one in user.codes),
    ]
    assert not any(needle in dump for needle in needles)
    assert f'"{code}' not in dump
    assert RecoveryCode.objects.filter(user=user).count() == 10
