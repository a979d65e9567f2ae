"""A new factor lets its owner in at once, and confirms acts on money, credentials and closing a day later."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Credential, Session, User
from console.core.access import Access
from console.core.permissions import GUARDED, Permission
from security import services
from security.models import AuthenticatorDevice, PasskeyDevice, PhoneDevice, RecoveryCode
from security.services import decide_weakness, weak_kinds, weakness_of
from tests.conftest import sign_in
from tests.factories import PASSWORD, make_authenticator, make_user
from tests.security.steps import ORIGIN, app_code, enter_password, settle
from tests.security.test_step_up import confirm, token_of
from tests.work import newest_code

DAY = timedelta(hours=24)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def person(db, now):
    """Return somebody who signed in before, with a phone."""
    return make_user(last_login=now - timedelta(days=30))


def weaken(user, model, *, until):
    model.objects.filter(user=user).update(weak_until=until)


# --- the one decision ------------------------------------------------------------------------


def test_first_factors_of_a_newcomer_are_trusted_at_once(db, now):
    newcomer = make_user(last_login=None)
    assert decide_weakness(user=newcomer, proved=["password"], now=now) is None


@pytest.mark.parametrize("method", ["sms", "voice", "phone"])
def test_an_older_phone_vouches(person, now, method):
    assert decide_weakness(user=person, proved=["password", method], now=now) is None


def test_an_older_app_vouches(person, now):
    make_authenticator(person)
    assert decide_weakness(user=person, proved=["totp"], now=now) is None


@pytest.mark.parametrize(
    "proved", [[], ["password"], ["recovery-code"], ["totp"], ["passkey"], ["codes-seen"]]
)
def test_nothing_else_vouches(person, now, proved):
    assert decide_weakness(user=person, proved=proved, now=now) == now + DAY


def test_a_weak_factor_vouches_for_nothing(person, now):
    weaken(person, PhoneDevice, until=now + timedelta(hours=1))
    assert decide_weakness(user=person, proved=["sms"], now=now) == now + DAY
    assert decide_weakness(user=person, proved=["sms"], now=now + timedelta(hours=1)) is None


def test_number_of_hours_is_a_setting(person, now, settings):
    settings.CONSOLE_FACTOR_WEAK_HOURS = 2
    assert decide_weakness(user=person, proved=[], now=now) == now + timedelta(hours=2)


def make_passkey(user, name, **fields):
    return PasskeyDevice.objects.create(
        user=user,
        name=name,
        credential_id=name.encode(),
        public_key=b"key",
        aaguid="00000000-0000-0000-0000-000000000000",
        **fields,
    )


def test_of_two_passkeys_the_one_used_last_decides(person, now):
    make_passkey(person, "old", last_used_at=now - timedelta(days=1))
    new = make_passkey(person, "new", weak_until=now + DAY, last_used_at=now)
    assert weakness_of(user=person, method="passkey", now=now) == new.weak_until
    assert weak_kinds(user=person, now=now) == {}
    PasskeyDevice.objects.filter(name="old").update(last_used_at=now + timedelta(seconds=1))
    assert weakness_of(user=person, method="passkey", now=now) is None


def test_session_of_a_factor_that_is_gone_is_as_weak_as_what_is_left(person, now):
    weaken(person, PhoneDevice, until=now + DAY)
    assert weakness_of(user=person, method="totp", now=now) == now + DAY


# --- every way to add a factor ---------------------------------------------------------------


def start(user, now):
    return services.start_authenticator(user=user, phone_proved_at=now, now=now)


def add_app(user, now, proved):
    device = start(user, now)
    return services.confirm_authenticator(
        user=user,
        public_id=str(device.public_id),
        code=app_code(device.seed, now=now),
        keep=None,
        origin=ORIGIN,
        now=now,
        proved=proved,
    )


def test_app_added_without_an_older_factor_is_weak(person, now):
    assert add_app(person, now, ["password", "recovery-code"]).weak_until == now + DAY


def test_app_replaced_with_the_old_app_is_strong(person, now):
    make_authenticator(person)
    assert add_app(person, now, ["totp"]).weak_until is None


def test_number_changed_with_a_recovery_code_is_weak(person, now):
    services.ask_phone_change(user=person, number="+31612345678", binding="b", origin=ORIGIN, now=now)
    device = services.confirm_phone_change(
        user=person,
        code=newest_code("+31612345678"),
        binding="b",
        keep=None,
        origin=ORIGIN,
        now=timezone.now(),
        proved=["recovery-code"],
    )
    assert device.weak_until is not None
    assert weak_kinds(user=person, now=now)["phone"] == device.weak_until


def test_recovery_codes_are_as_weak_as_what_made_them(person, now):
    services.make_recovery_codes(user=person, origin=ORIGIN, now=now, proved=["recovery-code"])
    assert set(RecoveryCode.objects.values_list("weak_until", flat=True)) == {now + DAY}
    services.make_recovery_codes(user=person, origin=ORIGIN, now=now, proved=["sms"])
    assert set(RecoveryCode.objects.values_list("weak_until", flat=True)) == {None}


def test_page_passes_on_what_vouched(cast):
    User.objects.update(last_login=timezone.now())
    client = Client()
    sign_in(client, cast.owner)
    Session.objects.filter(user=cast.owner).update(method="recovery-code")
    base = f"/{cast.account.auth_id}/account/settings/security/"
    client.post(f"{base}phone/", {"country": "NL", "number": "612345678"})
    client.post(f"{base}phone/code/", {"code": newest_code("+31612345678")})
    device = PhoneDevice.objects.get(user=cast.owner)
    assert device.weak_until
    page = client.get(base).content.decode()
    assert "strong from" in page


def test_newcomer_generates_an_auth_token_right_away(cast):
    client = Client()
    cast.sign_in(client, "owner")
    User.objects.filter(pk=cast.owner.pk).update(last_login=None)
    path = f"/{cast.account.auth_id}/account/settings/credentials/"
    assert _generate(client, path).status_code == 200


# --- step-up ---------------------------------------------------------------------------------


def _generate(client, path):
    return client.post(f"{path}make/", {"revoke": "now", "form_id": str(uuid.uuid4())})


@pytest.fixture
def tokens(cast):
    return f"/{cast.account.auth_id}/account/settings/credentials/"


@pytest.fixture
def weak_owner(cast):
    """Return the owner, whose phone and app are new."""
    make_authenticator(cast.owner)
    until = timezone.now() + timedelta(hours=23)
    for model in (PhoneDevice, AuthenticatorDevice):
        weaken(cast.owner, model, until=until)
    return cast.owner


def test_guarded_rights_are_money_credentials_and_closing():
    assert {
        Permission.BILLING_MANAGE,
        Permission.CREDENTIAL_MANAGE,
        Permission.CREDENTIAL_OWN,
        Permission.ALLOWLIST_MANAGE,
        Permission.ACCOUNT_CLOSE,
    } == GUARDED
    assert Access(Permission.BILLING_MANAGE, recent_auth=True).is_guarded
    assert not Access(Permission.BILLING_MANAGE).is_guarded
    assert not Access(Permission.SELF_MANAGE, recent_auth=True).is_guarded


def test_sign_in_with_a_weak_factor_covers_no_guarded_act(cast, weak_owner, tokens):
    client = Client()
    sign_in(client, weak_owner)
    response = _generate(client, tokens)
    assert response.url.startswith("/confirm/")
    page = client.get(response.url)
    assert page.status_code == 403
    text = page.content.decode()
    assert "too new for this" in text
    assert "Authenticator app" in text
    assert not Credential.objects.exists()


def test_password_does_not_help_in_a_session_of_a_weak_factor(cast, weak_owner, tokens):
    client = Client()
    sign_in(client, weak_owner)
    address = _generate(client, tokens).url
    assert client.post(f"{address}password/", {"code": PASSWORD}).status_code == 403
    token = _token(client, weak_owner)
    answer = client.post(f"{address}password/", {"token": token(address), "code": PASSWORD})
    assert answer.status_code == 403
    assert not Credential.objects.exists()


def _token(client, user):
    from security import step_up
    from security.models import HeldAct

    return lambda address: step_up.act_token(HeldAct.objects.get(public_id=address.split("/")[2]))


def test_weak_factor_confirms_an_act_that_is_not_guarded_and_opens_no_window_for_one(
    cast, weak_owner, tokens
):
    client = Client()
    sign_in(client, weak_owner, confirmed=False)
    base = f"/{cast.account.auth_id}/account/settings/security/sessions/"
    address = client.post(f"{base}end-others/").url
    assert address.startswith("/confirm/")
    confirm(client, address, "app", app_code())
    assert client.post(f"{base}end-others/").url == base
    assert client.get(_generate(client, tokens).url).status_code == 403
    assert not Credential.objects.exists()


def test_strong_factor_is_asked_where_the_other_is_weak(cast, tokens):
    make_authenticator(cast.owner)
    settle(cast.owner)
    weaken(cast.owner, AuthenticatorDevice, until=timezone.now() + timedelta(hours=3))
    client = Client()
    sign_in(client, cast.owner, confirmed=False)
    address = _generate(client, tokens).url
    page = client.get(address, follow=True)
    assert page.redirect_chain[-1][0] == f"{address}phone/"
    assert "Your authenticator app is new" in page.content.decode()
    assert client.get(f"{address}app/").url == f"{address}phone/"
    client.post(f"{address}send/", {"token": token_of(client, address)})
    answer = client.post(
        f"{address}phone/", {"token": token_of(client, address), "code": newest_code(cast.owner.phone)}
    )
    assert answer.status_code == 200
    assert Credential.objects.count() == 1


def test_factor_is_strong_a_day_later(cast, weak_owner, tokens):
    with time_machine.travel(timezone.now() + DAY, tick=False):
        client = Client()
        sign_in(client, weak_owner)
        assert _generate(client, tokens).status_code == 200
    assert Credential.objects.count() == 1


def test_sign_in_works_with_a_weak_factor(cast, weak_owner, client):
    settle(weak_owner)
    enter_password(client, weak_owner)
    response = client.post("/sign-in/second-factor/app/", {"code": app_code()})
    assert Session.objects.filter(user=weak_owner).exists(), response.content
