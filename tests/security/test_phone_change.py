"""A new phone number takes the old one's place once its code is entered, and not before."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import services as accounts
from accounts.models import PhoneCode, Session, User
from console.core.errors import DomainError, TooManyRequests
from console.core.events import EventKind
from console.core.models import AuditEvent, OutgoingText
from security import services
from security.models import PhoneChange, PhoneDevice
from security.tasks import sweep_expired
from tests.conftest import sign_in
from tests.factories import make_authenticator, make_user
from tests.security.steps import ORIGIN, app_code, enter_password, is_signed_in, settle, wrong
from tests.work import mails_to, newest_code

NEW, OTHER = "+31612345678", "+31687654321"
BINDING = "binding-one"


@pytest.fixture
def user(db):
    return make_user()


@pytest.fixture
def base(cast, client):
    cast.sign_in(client, "owner")
    return f"/{cast.account.auth_id}/account/settings/security/"


def ask(user, number=NEW, *, now=None, binding=BINDING):
    return services.ask_phone_change(
        user=user, number=number, binding=binding, origin=ORIGIN, now=now or timezone.now()
    )


def confirm(user, code, *, now=None, binding=BINDING):
    return services.confirm_phone_change(
        user=user, code=code, binding=binding, keep=None, origin=ORIGIN, now=now or timezone.now()
    )


def phone_of(user):
    return User.objects.get(pk=user.pk).phone


def post_number(client, base, number="612345678"):
    return client.post(f"{base}phone/", {"country": "NL", "number": number})


# --- the service -----------------------------------------------------------------------------


def test_code_to_the_new_number_changes_it(user):
    old = user.phone
    ask(user)
    assert phone_of(user) == old
    code = newest_code(NEW)
    confirm(user, code)
    assert phone_of(user) == NEW
    assert not PhoneChange.objects.exists()
    assert PhoneDevice.objects.filter(user=user, confirmed=True).count() == 1
    event = AuditEvent.objects.get(kind=EventKind.PHONE_CHANGED)
    assert event.data["after"].endswith("78")
    assert NEW not in str(event.data)


def test_wrong_code_changes_nothing_and_is_counted(user):
    old = user.phone
    ask(user)
    with pytest.raises(accounts.WrongCode) as caught:
        confirm(user, wrong(newest_code(NEW)))
    assert caught.value.tries_left == 4
    assert phone_of(user) == old
    confirm(user, newest_code(NEW))
    assert phone_of(user) == NEW


def test_code_of_another_purpose_number_or_session_changes_nothing(user):
    ask(user)
    codes = []
    for purpose in (PhoneCode.Purpose.STEP_UP, PhoneCode.Purpose.SIGN_IN, PhoneCode.Purpose.VERIFY):
        accounts.request_phone_code(
            user=user,
            purpose=purpose,
            number=user.phone,
            channel="sms",
            binding=BINDING,
            origin=ORIGIN,
            now=timezone.now(),
        )
        codes.append(newest_code(user.phone))
    for code in set(codes) - {newest_code(NEW)}:
        with pytest.raises(accounts.WrongCode):
            confirm(user, code)
    with pytest.raises(accounts.CodeSpent):
        confirm(user, newest_code(NEW), binding="another-session")
    assert phone_of(user) != NEW


def test_code_of_the_change_proves_nothing_else(user):
    ask(user)
    for purpose in (PhoneCode.Purpose.STEP_UP, PhoneCode.Purpose.SIGN_IN, PhoneCode.Purpose.VERIFY):
        with pytest.raises(accounts.CodeSpent):
            accounts.check_phone_code(
                user=user, purpose=purpose, binding=BINDING, code=newest_code(NEW), now=timezone.now()
            )


def test_expired_code_and_expired_change(user):
    now = timezone.now()
    ask(user, now=now)
    code = newest_code(NEW)
    with pytest.raises(accounts.CodeExpired):
        confirm(user, code, now=now + timedelta(minutes=11))
    with pytest.raises(services.ChangeOver):
        confirm(user, code, now=now + timedelta(minutes=61))
    with pytest.raises(services.ChangeOver):
        services.send_change_code(
            user=user, channel="sms", binding=BINDING, origin=ORIGIN, now=now + timedelta(minutes=61)
        )
    PhoneChange.objects.update(expires_at=now - timedelta(seconds=1))
    sweep_expired()
    assert not PhoneChange.objects.exists()


def test_newer_number_replaces_the_one_before(user):
    ask(user)
    first = newest_code(NEW)
    ask(user, OTHER)
    assert PhoneChange.objects.get().number == OTHER
    second = newest_code(OTHER)
    if first != second:
        with pytest.raises(accounts.WrongCode):
            confirm(user, first)
    confirm(user, second)
    assert phone_of(user) == OTHER


def test_same_number_and_no_number_are_refused(user):
    with pytest.raises(services.SamePhone):
        ask(user, user.phone)
    PhoneDevice.objects.all().delete()
    with pytest.raises(services.SamePhone):
        ask(user)
    assert not OutgoingText.objects.exists()


def test_number_that_gets_no_codes_keeps_no_change(user):
    with pytest.raises(accounts.CodeNotSent):
        ask(user, "+31900123456")
    assert not PhoneChange.objects.exists()
    assert not AuditEvent.objects.filter(kind=EventKind.PHONE_CHANGE_ASKED).exists()


def test_second_text_has_to_wait(user):
    ask(user)
    with pytest.raises(TooManyRequests):
        ask(user)


def test_cancelled_change_is_over(user):
    ask(user)
    code = newest_code(NEW)
    assert services.cancel_phone_change(user=user, origin=ORIGIN, now=timezone.now())
    with pytest.raises(services.ChangeOver):
        confirm(user, code)
    assert not services.cancel_phone_change(user=user, origin=ORIGIN, now=timezone.now())
    assert AuditEvent.objects.filter(kind=EventKind.PHONE_CHANGE_CANCELLED).count() == 1


def test_password_reset_forgets_the_new_number(user):
    from django.db import transaction

    from console.core.access import Actor
    from console.core.events import record

    ask(user)
    with transaction.atomic():
        record(EventKind.PASSWORD_RESET, actor=Actor.person(user, origin=ORIGIN), target=user)
    mails_to(user.email)
    assert not PhoneChange.objects.exists()


def test_both_steps_are_mailed_with_two_digits(user):
    old = user.phone
    ask(user)
    confirm(user, newest_code(NEW))
    mails = {mail.subject: mail.body for mail in mails_to(user.email)}
    for subject in ("Your phone number is about to change", "Your phone number was changed"):
        assert "ending in 78" in mails[subject]
        assert f"ending in {old[-2:]}" in mails[subject]
        assert NEW not in mails[subject]
        assert "/not-me/" in mails[subject]


@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_confirmations_changes_the_number():
    user, now = make_user(), timezone.now()
    ask(user, now=now)
    code = newest_code(NEW)
    barrier, outcomes = threading.Barrier(4), []

    def attempt():
        barrier.wait()
        try:
            confirm(User.objects.get(pk=user.pk), code, now=now)
            outcomes.append("changed")
        except DomainError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["changed", "refused", "refused", "refused"]
    assert AuditEvent.objects.filter(kind=EventKind.PHONE_CHANGED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_cancel_and_confirm_at_once_agree():
    user, now = make_user(), timezone.now()
    old = user.phone
    ask(user, now=now)
    code, barrier, outcomes = newest_code(NEW), threading.Barrier(2), {}

    def run(name, act):
        barrier.wait()
        try:
            outcomes[name] = bool(act())
        except DomainError:
            outcomes[name] = False
        finally:
            connection.close()

    person = User.objects.get(pk=user.pk)
    acts = {
        "confirm": lambda: confirm(person, code, now=now),
        "cancel": lambda: services.cancel_phone_change(user=user, origin=ORIGIN, now=now),
    }
    threads = [threading.Thread(target=run, args=pair) for pair in acts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == [False, True]
    assert phone_of(user) == (NEW if outcomes["confirm"] else old)
    assert not PhoneChange.objects.exists()


# --- the pages -------------------------------------------------------------------------------


def test_pages_change_the_number_and_end_other_sessions(client, cast, base):
    elsewhere = cast.sign_in(Client(), "owner")
    assert "Change number" in client.get(base).content.decode()
    assert post_number(client, base).url == f"{base}phone/code/"
    response = client.post(f"{base}phone/code/", {"code": newest_code(NEW)})
    assert response.url == base
    page = client.get(base).content.decode()
    assert "Phone number changed." in page
    assert "Your other sessions were ended." in page
    assert NEW not in page
    assert phone_of(cast.owner) == NEW
    assert Session.objects.filter(user=cast.owner).count() == 1
    assert elsewhere.get(base).status_code == 302


def test_pending_number_survives_leaving_and_can_be_dropped(client, cast, base):
    post_number(client, base)
    page = client.get(base).content.decode()
    assert "waits for its code" in page
    assert "Enter the code" in page
    assert NEW not in page
    assert client.get(f"{base}phone/code/").status_code == 200
    assert client.post(f"{base}phone/cancel/").url == base
    assert "waits for its code" not in client.get(base).content.decode()
    assert client.get(f"{base}phone/code/").url == f"{base}phone/"
    assert phone_of(cast.owner) == cast.owner.phone


def test_another_session_goes_on_with_a_code_of_its_own(client, cast, base):
    post_number(client, base)
    first = newest_code(NEW)
    other = cast.sign_in(Client(), "owner")
    page = other.get(f"{base}phone/code/").content.decode()
    assert "Send a code" in page
    assert other.post(f"{base}phone/code/", {"code": first}).status_code == 422
    sent_before = OutgoingText.objects.filter(key__startswith="phone-code:").count()
    assert other.post(f"{base}phone/code/send/", {"channel": "sms"}).url == f"{base}phone/code/"
    assert OutgoingText.objects.filter(key__startswith="phone-code:").count() == sent_before + 1


def test_old_number_signs_in_meanwhile_and_not_afterwards(client, cast, base):
    settle(cast.owner)
    sign_in(client, cast.owner)
    post_number(client, base)
    old = cast.owner.phone
    meanwhile = Client()
    enter_password(meanwhile, cast.owner)
    meanwhile.post("/sign-in/second-factor/phone/send/", {"channel": "sms"})
    meanwhile.post("/sign-in/second-factor/phone/", {"code": newest_code(old)})
    assert is_signed_in(meanwhile)
    client.post(f"{base}phone/code/", {"code": newest_code(NEW)})
    assert not is_signed_in(meanwhile)
    afterwards = Client()
    enter_password(afterwards, cast.owner)
    afterwards.post("/sign-in/second-factor/phone/send/", {"channel": "sms"})
    afterwards.post("/sign-in/second-factor/phone/", {"code": newest_code(NEW)})
    assert is_signed_in(afterwards)


def test_code_for_the_old_number_ends_with_the_change(client, cast, base):
    settle(cast.owner)
    sign_in(client, cast.owner)
    waiting = Client()
    enter_password(waiting, cast.owner)
    waiting.post("/sign-in/second-factor/phone/send/", {"channel": "sms"})
    old_code = newest_code(cast.owner.phone)
    post_number(client, base)
    client.post(f"{base}phone/code/", {"code": newest_code(NEW)})
    waiting.post("/sign-in/second-factor/phone/", {"code": old_code})
    assert not is_signed_in(waiting)


def test_refused_numbers_keep_what_was_typed(client, cast, base):
    for number, words in (
        ("0900 123456", "premium-rate"),
        ("12", "too short"),
        (cast.owner.phone, "your number already"),
    ):
        response = post_number(client, base, number)
        assert response.status_code == 422
        assert words in response.content.decode()
        assert number in response.content.decode()
    assert not OutgoingText.objects.exists()


def test_wrong_code_is_shown_beside_the_field(client, cast, base):
    post_number(client, base)
    response = client.post(f"{base}phone/code/", {"code": wrong(newest_code(NEW))})
    assert response.status_code == 422
    assert "4 tries left" in response.content.decode()


def test_asking_twice_leads_to_the_code_on_its_way(client, base):
    post_number(client, base)
    assert post_number(client, base).url == f"{base}phone/code/"
    assert client.post(f"{base}phone/code/send/", {"channel": "sms"}).status_code == 429


def test_nothing_is_changed_without_a_phone(client, cast, base):
    make_authenticator(cast.owner)
    PhoneDevice.objects.all().delete()
    assert client.get(f"{base}phone/").url == base
    assert "Change number" not in client.get(base).content.decode()
    assert client.get(f"{base}phone/code/").url == f"{base}phone/"
    assert client.post(f"{base}phone/code/send/").url == f"{base}phone/"


def test_each_step_asks_for_both_factors(cast):
    client = cast.sign_in(Client(), "owner", confirmed=False)
    base = f"/{cast.account.auth_id}/account/settings/security/"
    ask(cast.owner)
    for page in ("phone/", "phone/code/", "phone/code/send/"):
        response = client.post(f"{base}{page}", {"country": "NL", "number": "687654321"})
        assert response.status_code == 303
        assert response.url.startswith("/confirm/")
    assert PhoneChange.objects.get().number == NEW


def test_number_is_kept_through_the_confirmation(cast):
    make_authenticator(cast.owner)
    client = cast.sign_in(Client(), "owner", confirmed=False)
    base = f"/{cast.account.auth_id}/account/settings/security/"
    address = post_number(client, base).url
    for method, secret in (("app", app_code()), ("password", "violet kettle argues at dawn")):
        page = client.get(f"{address}{method}/")
        token = page.context["hidden"][0][1]
        response = client.post(f"{address}{method}/", {"code": secret, "token": token})
    assert response.url == f"{base}phone/code/"
    assert PhoneChange.objects.get(user=cast.owner).number == NEW


def test_another_person_sees_nothing_of_it(client, cast, base):
    post_number(client, base)
    other = cast.sign_in(Client(), "admin")
    assert "waits for its code" not in other.get(base).content.decode()
    assert other.get(f"{base}phone/code/").url == f"{base}phone/"
    assert other.post(f"{base}phone/cancel/").url == base
    assert PhoneChange.objects.filter(user=cast.owner).exists()
