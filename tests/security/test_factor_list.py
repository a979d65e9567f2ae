import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from console.core.events import EventKind
from console.core.models import AuditEvent, OutgoingText
from security import services
from security.models import AuthenticatorDevice, PhoneDevice, RecoveryCode
from tests.conftest import sign_in
from tests.factories import make_authenticator
from tests.security.steps import ORIGIN, app_code, codes_left, settle, shown_key
from tests.work import mails_to, newest_code


@pytest.fixture
def base(cast, client):
    cast.sign_in(client, "owner")
    return f"/{cast.account.auth_id}/account/settings/security/"


def add_app(client, cast, base):
    client.post(f"{base}authenticator/")
    client.post(f"{base}authenticator/phone/", {"code": newest_code(cast.owner.phone)})
    seed = shown_key(client.get(f"{base}authenticator/confirm/"))
    return client.post(f"{base}authenticator/confirm/", {"code": app_code(seed)})


def test_page_lists_factors_and_hides_the_number(client, cast, base):
    make_authenticator(cast.owner)
    settle(cast.owner)
    sign_in(client, cast.owner)
    page = client.get(base).content.decode()
    for words in ("Authenticator app", "Strongest", "Phone code", "10 of 10 left", "Make new codes"):
        assert words in page
    assert cast.owner.phone not in page
    assert cast.owner.phone[-5:] not in page


def test_page_nudges_to_an_app(client, base):
    page = client.get(base).content.decode()
    assert "Your only second factor is the phone." in page
    assert "ported" in page


def test_few_codes_are_a_warning(client, cast, base):
    settle(cast.owner)
    sign_in(client, cast.owner)
    RecoveryCode.objects.filter(user=cast.owner, number__lte=7).update(used_at=timezone.now())
    assert re.search(r"chip--warn[^<]*>3 of 10 left", client.get(base).content.decode())


def test_app_is_added_after_a_phone_code(client, cast, base):
    response = client.post(f"{base}authenticator/")
    assert response.url == f"{base}authenticator/phone/"
    assert client.get(f"{base}authenticator/confirm/").url == f"{base}authenticator/"
    response = client.post(f"{base}authenticator/phone/", {"code": newest_code(cast.owner.phone)})
    assert response.url == f"{base}authenticator/confirm/"
    seed = shown_key(client.get(response.url))
    assert client.post(response.url, {"code": app_code(seed)}).url == base
    assert AuthenticatorDevice.objects.get(user=cast.owner).confirmed


def test_opening_the_pages_sends_and_makes_nothing(client, cast, base):
    for page in ("authenticator/", "authenticator/phone/", "authenticator/remove/", "recovery-codes/make/"):
        assert client.get(f"{base}{page}").status_code in {200, 302}
    assert not OutgoingText.objects.exists()
    assert not AuthenticatorDevice.objects.exists()
    assert codes_left(cast.owner) == 0


def test_adding_an_app_ends_other_sessions_and_is_mailed(client, cast, base):
    elsewhere = cast.sign_in(Client(), "owner")
    add_app(client, cast, base)
    assert Session.objects.filter(user=cast.owner).count() == 1
    assert client.get(base).status_code == 200
    assert elsewhere.get(base).status_code == 302
    assert "A new authenticator app protects your sign-in" in [
        mail.subject for mail in mails_to(cast.owner.email)
    ]


def test_new_app_takes_the_place_of_the_old_one(client, cast, base):
    old = make_authenticator(cast.owner)
    add_app(client, cast, base)
    assert not AuthenticatorDevice.objects.filter(pk=old.pk).exists()
    assert AuthenticatorDevice.objects.filter(user=cast.owner).count() == 1
    removed = AuditEvent.objects.get(kind=EventKind.FACTOR_REMOVED)
    assert removed.data["reason"] == "replaced"


def test_app_is_removed_while_the_phone_remains(client, cast, base):
    make_authenticator(cast.owner)
    assert client.post(f"{base}authenticator/remove/").url == base
    assert not AuthenticatorDevice.objects.exists()
    assert PhoneDevice.objects.get(user=cast.owner).chosen_at
    assert "Your authenticator app was removed" in [mail.subject for mail in mails_to(cast.owner.email)]


def test_last_factor_is_not_removed(client, cast, base):
    make_authenticator(cast.owner)
    PhoneDevice.objects.all().delete()
    response = client.post(f"{base}authenticator/remove/")
    assert response.status_code == 422
    assert "last second factor" in response.content.decode()
    assert AuthenticatorDevice.objects.exists()


def test_staff_keep_their_app(cast):
    make_authenticator(cast.staff)
    with pytest.raises(services.FactorNeeded):
        services.remove_authenticator(user=cast.staff, keep=None, origin=ORIGIN, now=timezone.now())


def test_new_codes_void_the_old_ones_and_end_other_sessions(client, cast, base):
    old = settle(cast.owner)
    sign_in(client, cast.owner)
    cast.sign_in(Client(), "owner")
    assert client.post(f"{base}recovery-codes/make/").url == f"{base}recovery-codes/"
    page = client.get(f"{base}recovery-codes/").content.decode()
    codes = re.findall(r'secret__value">([^<]+)<', page)
    assert len(codes) == 10
    assert Session.objects.filter(user=cast.owner).count() == 1
    with pytest.raises(services.WrongFactor):
        services.use_recovery_code(user=cast.owner, code=old[0], origin=ORIGIN, now=timezone.now())
    assert services.use_recovery_code(user=cast.owner, code=codes[0], origin=ORIGIN, now=timezone.now()) == 9
    assert codes[1] in client.get(f"{base}recovery-codes/file/").content.decode()
    assert client.post(f"{base}recovery-codes/").url == base
    assert client.get(f"{base}recovery-codes/").url == base


def test_codes_are_long_and_unambiguous(cast):
    codes = settle(cast.owner)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([2-9a-hjkmnp-z]{4}-){5}[2-9a-hjkmnp-z]{4}", code) for code in codes)


def test_use_of_a_code_is_mailed_and_warns_at_three(cast):
    codes = settle(cast.owner)
    for code in codes[:7]:
        services.use_recovery_code(user=cast.owner, code=code, origin=ORIGIN, now=timezone.now())
    subjects = [mail.subject for mail in mails_to(cast.owner.email)]
    assert subjects.count("A recovery code was used") == 6
    assert "A recovery code was used: 3 left" in subjects


def test_codes_of_another_person_stay_hidden(client, cast, base):
    client.post(f"{base}recovery-codes/make/")
    other = cast.sign_in(Client(), "admin")
    assert other.get(f"{base}recovery-codes/").url == base
    assert other.get(f"{base}recovery-codes/file/").status_code == 404


def test_confirmation_is_asked_for_each_change(cast):
    client = cast.sign_in(Client(), "owner", confirmed=False)
    make_authenticator(cast.owner)
    base = f"/{cast.account.auth_id}/account/settings/security/"
    for page in (
        "authenticator/",
        "authenticator/phone/send/",
        "authenticator/remove/",
        "recovery-codes/make/",
    ):
        response = client.post(f"{base}{page}")
        assert response.status_code == 303
        assert response.url.startswith("/confirm/")
    assert AuthenticatorDevice.objects.exists()
    assert codes_left(cast.owner) == 0
