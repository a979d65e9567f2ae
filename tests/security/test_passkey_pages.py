"""The pages of passkeys: adding, naming, removing, signing in and confirming with one."""

import re
import uuid

import pytest
from django.test import Client

from accounts.models import Session
from console.core.events import EventKind
from console.core.models import AuditEvent
from security.models import PasskeyChallenge, PasskeyDevice, PhoneDevice
from tests.conftest import sign_in
from tests.factories import PASSWORD, make_authenticator
from tests.security.passkey_steps import SITE, new_key, register
from tests.security.steps import app_code, enter_password, is_signed_in, settle

SIGN_IN = "/sign-in/second-factor/passkey/"


@pytest.fixture(autouse=True)
def _site(settings):
    # The cookies keep their names: only the site of the keys is another one.
    settings.BASE_URL = SITE


@pytest.fixture
def base(cast, client):
    cast.sign_in(client, "owner")
    return f"/{cast.account.auth_id}/account/settings/security/"


def add(client, base, key, name="Blue key"):
    assert client.post(f"{base}passkeys/add/", {"name": name}).url == f"{base}passkeys/add/create/"
    options = client.post(f"{base}passkeys/add/create/options/").json()
    return client.post(f"{base}passkeys/add/create/", {"name": name, "code": key.register(options)})


def test_passkey_is_added_listed_renamed_and_removed(client, cast, base):
    assert add(client, base, new_key()).url == base
    page = client.get(base).content.decode()
    assert "Blue key · added" in page
    assert "Passkey added." in page
    device = PasskeyDevice.objects.get(user=cast.owner)
    here = f"{base}passkeys/{device.public_id}/"
    assert client.post(f"{here}rename/", {"name": "  Red  key "}).url == base
    assert "Red key · added" in client.get(base).content.decode()
    assert AuditEvent.objects.get(kind=EventKind.FACTOR_RENAMED).data["after"] == "Red key"
    assert "Remove “Red key”?" in client.get(f"{here}remove/").content.decode()
    assert client.post(f"{here}remove/").url == base
    assert not PasskeyDevice.objects.exists()


def test_page_of_the_answer_follows_the_name(client, base):
    assert client.get(f"{base}passkeys/add/create/").url == f"{base}passkeys/add/"


def test_name_is_suggested_and_cleaned(client, base):
    page = client.get(
        f"{base}passkeys/add/", headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0"}
    )
    assert "Chrome on Windows" in page.content.decode()
    for name in ("", "a\x00b", "\u202eevil", "x" * 65, "see https://evil.example", "<script>" * 90):
        assert client.post(f"{base}passkeys/add/", {"name": name}).status_code == 422
    client.post(f"{base}passkeys/add/", {"name": "<b>key</b>"})
    assert "Create “&lt;b&gt;key" in client.get(f"{base}passkeys/add/create/").content.decode()


@pytest.mark.parametrize("answer", ["", "{}", "null", "x" * 20_001, '{"id": "a", "rawId": "a"}'])
def test_bad_answers_are_refused(client, base, answer):
    client.post(f"{base}passkeys/add/", {"name": "Key"})
    client.post(f"{base}passkeys/add/create/options/")
    response = client.post(f"{base}passkeys/add/create/", {"name": "Key", "code": answer})
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert not PasskeyDevice.objects.exists()


def test_passkey_is_replaced_with_a_recovery_code(client, cast):
    codes = settle(cast.owner)
    stolen, thief = register(cast.owner)
    PhoneDevice.objects.filter(user=cast.owner).delete()
    enter_password(client, cast.owner)
    client.post("/sign-in/second-factor/recovery/", {"code": codes[0]})
    base = f"/{cast.account.auth_id}/account/settings/security/passkeys/"
    assert "Replace “Blue key”" in client.get(f"{base}{stolen.public_id}/replace/").content.decode()
    assert client.post(f"{base}{stolen.public_id}/replace/", {"name": "New"}).url == f"{base}add/create/"
    page = client.get(f"{base}add/create/").content.decode()
    assert f'name="replaces" value="{stolen.public_id}"' in page
    answer = new_key().register(client.post(f"{base}add/create/options/").json())
    form = {"name": "New", "replaces": stolen.public_id, "code": answer}
    assert client.post(f"{base}add/create/", form).status_code == 302
    assert [device.name for device in PasskeyDevice.objects.filter(user=cast.owner)] == ["New"]
    other = Client()
    enter_password(other, cast.owner)
    options = other.post(f"{SIGN_IN}options/").json()
    assert other.post(SIGN_IN, {"code": thief.use(options)}).status_code == 422
    assert not is_signed_in(other)


def test_two_tabs_keep_their_names_apart(client, cast, base):
    client.post(f"{base}passkeys/add/", {"name": "First"})
    first = client.get(f"{base}passkeys/add/create/").content.decode()
    assert 'name="name" value="First"' in first
    client.post(f"{base}passkeys/add/", {"name": "Second"})
    answer = new_key().register(client.post(f"{base}passkeys/add/create/options/").json())
    client.post(f"{base}passkeys/add/create/", {"name": "First", "code": answer})
    assert PasskeyDevice.objects.get(user=cast.owner).name == "First"


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 65])
def test_altered_name_is_refused(client, base, name):
    client.post(f"{base}passkeys/add/", {"name": "Key"})
    answer = new_key().register(client.post(f"{base}passkeys/add/create/options/").json())
    form = {"name": name, "code": answer, "replaces": "nonsense"}
    assert client.post(f"{base}passkeys/add/create/", form).status_code == 422
    assert not PasskeyDevice.objects.exists()


def test_question_of_one_session_is_not_for_another(client, cast, base):
    client.post(f"{base}passkeys/add/", {"name": "Key"})
    options = client.post(f"{base}passkeys/add/create/options/").json()
    other = cast.sign_in(Client(), "owner")
    other.post(f"{base}passkeys/add/", {"name": "Key"})
    assert (
        other.post(
            f"{base}passkeys/add/create/", {"name": "Key", "code": new_key().register(options)}
        ).status_code
        == 422
    )
    assert not PasskeyDevice.objects.exists()


def test_double_submit_adds_one(client, base):
    client.post(f"{base}passkeys/add/", {"name": "Key"})
    answer = new_key().register(client.post(f"{base}passkeys/add/create/options/").json())
    client.post(f"{base}passkeys/add/create/", {"name": "Key", "code": answer})
    assert client.post(f"{base}passkeys/add/create/", {"name": "Key", "code": answer}).status_code == 422
    assert PasskeyDevice.objects.count() == 1


def test_changes_need_a_confirmation(cast, db):
    device, _ = register(cast.owner)
    client = cast.sign_in(Client(), "owner", confirmed=False)
    base = f"/{cast.account.auth_id}/account/settings/security/passkeys/"
    for page in ("add/", "add/create/", f"{device.public_id}/remove/"):
        assert client.post(f"{base}{page}", {"name": "Key"}).url.startswith("/confirm/")
    assert PasskeyDevice.objects.count() == 1


def test_passkey_of_somebody_else_is_not_found(client, cast, base):
    device, _ = register(cast.admin)
    for deed in ("rename", "remove"):
        address = f"{base}passkeys/{device.public_id}/{deed}/"
        assert client.get(address).status_code == client.post(address, {"name": "Mine"}).status_code == 404
    device.refresh_from_db()
    assert device.name == "Blue key"


@pytest.mark.parametrize("who", ["admin", "developer", "support", "analyst"])
def test_every_role_has_passkeys_of_its_own(cast, who):
    client = cast.sign_in(Client(), who)
    base = f"/{cast.account.auth_id}/account/settings/security/"
    assert add(client, base, new_key()).url == base
    assert PasskeyDevice.objects.get().user == cast.users[who]


def test_last_factor_stays_with_the_reason(client, cast, base):
    device, _ = register(cast.owner)
    PhoneDevice.objects.all().delete()
    sign_in(client, cast.owner)
    response = client.post(f"{base}passkeys/{device.public_id}/remove/")
    assert response.status_code == 422
    assert "last second factor" in response.content.decode()


# --- Signing in --------------------------------------------------------------------------------


@pytest.fixture
def person(cast):
    settle(cast.developer)
    cast.developer.key = register(cast.developer)[1]
    return cast.developer


def test_passkey_comes_first_and_signs_in(client, person):
    enter_password(client, person)
    assert client.get("/sign-in/second-factor/").url == SIGN_IN
    page = client.get(SIGN_IN).content.decode()
    assert "Use your passkey" in page
    assert "Phone code" in page
    assert not PasskeyChallenge.objects.exists()
    options = client.post(f"{SIGN_IN}options/").json()
    assert client.post(SIGN_IN, {"code": person.key.use(options)}).status_code == 302
    assert is_signed_in(client)
    session = Session.objects.get(user=person)
    assert session.method == "passkey"
    assert session.confirmed_at
    base = f"/{person.memberships.get().account.auth_id}/account/settings/security/sessions/"
    assert "Passkey" in client.get(base).content.decode()


def test_passkey_does_not_stand_for_the_password(client, person):
    assert client.get(SIGN_IN).url.startswith("/sign-in/")
    assert client.post(f"{SIGN_IN}options/").status_code == 302
    assert not is_signed_in(client)


def test_person_without_a_passkey_is_led_elsewhere(client, cast):
    settle(cast.support)
    enter_password(client, cast.support)
    assert client.get(SIGN_IN).url == "/sign-in/second-factor/"
    assert client.post(f"{SIGN_IN}options/").status_code == 422


def test_answer_of_another_browser_is_refused(client, person):
    enter_password(client, person)
    options = client.post(f"{SIGN_IN}options/").json()
    other = Client()
    enter_password(other, person)
    assert other.post(SIGN_IN, {"code": person.key.use(options)}).status_code == 422
    assert not is_signed_in(other)


def test_refused_answer_leaves_the_other_ways_open(client, person):
    enter_password(client, person)
    options = client.post(f"{SIGN_IN}options/").json()
    response = client.post(SIGN_IN, {"code": person.key.use(options, origin="https://evil.example")})
    page = response.content.decode()
    assert response.status_code == 422
    assert "That passkey was not accepted." in page
    assert "Recovery code" in page
    assert AuditEvent.objects.filter(kind=EventKind.SECOND_FACTOR_FAILED).count() == 1


def test_too_many_questions_are_answered_with_a_sentence(client, person):
    enter_password(client, person)
    for _ in range(60):
        client.post(f"{SIGN_IN}options/")
    response = client.post(f"{SIGN_IN}options/")
    assert response.status_code == 429
    assert "Too many tries" in response.json()["message"]


def test_questions_need_the_form_key(cast, person):
    client = Client(enforce_csrf_checks=True)
    cast.sign_in(client, "developer")
    base = f"/{cast.account.auth_id}/account/settings/security/"
    assert client.post(f"{base}passkeys/add/create/options/").status_code == 403


def test_passkey_is_enough_for_a_newcomer(client, cast):
    user = cast.support
    settle(user)
    PhoneDevice.objects.filter(user=user).update(chosen_at=None)
    key = register(user)[1]
    enter_password(client, user)
    options = client.post(f"{SIGN_IN}options/").json()
    client.post(SIGN_IN, {"code": key.use(options)})
    assert is_signed_in(client)


# --- Confirming --------------------------------------------------------------------------------


@pytest.fixture
def held(cast):
    """Return a session that asks for new recovery codes, the address of the question, and the key."""
    make_authenticator(cast.owner)
    key = register(cast.owner)[1]
    client = cast.sign_in(Client(), "owner", confirmed=False)
    base = f"/{cast.account.auth_id}/account/settings/security/"
    return client, client.post(f"{base}recovery-codes/make/").url, key


def token_of(client, address):
    page = client.get(address, follow=True).content.decode()
    return re.search(r'name="token" value="([0-9a-f]+)"', page).group(1)


def test_passkey_confirms_as_the_second_factor_of_two(held, cast):
    client, address, key = held
    assert client.get(address).url == f"{address}passkey/"
    page = client.get(f"{address}passkey/").content.decode()
    assert "Use your passkey" in page
    assert "Use your authenticator app" in page
    token = token_of(client, address)
    options = client.post(f"{address}passkey/options/", {"token": token}).json()
    assert client.post(f"{address}passkey/", {"token": token, "code": key.use(options)}).url == address
    response = client.post(f"{address}password/", {"token": token, "code": PASSWORD})
    assert response.url.endswith("/security/recovery-codes/")
    methods = AuditEvent.objects.filter(kind=EventKind.STEP_UP_PASSED).values_list("data__method", flat=True)
    assert sorted(methods) == ["passkey", "password"]


def test_passkey_alone_confirms_where_one_proof_is_enough(held, cast):
    client, _, key = held
    tokens = f"/{cast.account.auth_id}/account/settings/credentials/"
    address = client.post(f"{tokens}make/", {"form_id": uuid.uuid4(), "revoke": "now"}).url
    token = token_of(client, address)
    options = client.post(f"{address}passkey/options/", {"token": token}).json()
    client.post(f"{address}passkey/", {"token": token, "code": key.use(options)})
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_MADE).count() == 1


def test_question_before_an_act_needs_its_token_and_session(held, cast):
    client, address, _ = held
    assert client.post(f"{address}passkey/options/", {"token": "0" * 64}).status_code == 403
    other = cast.sign_in(Client(), "owner")
    assert other.post(f"{address}passkey/options/", {"token": token_of(client, address)}).status_code == 404


def test_answer_for_signing_in_does_not_confirm(held, cast):
    client, address, key = held
    settle(cast.owner)
    browser = Client()
    enter_password(browser, cast.owner)
    options = browser.post(f"{SIGN_IN}options/").json()
    cast.sign_in(client, "owner", confirmed=False)
    address = client.post(f"/{cast.account.auth_id}/account/settings/security/recovery-codes/make/").url
    response = client.post(
        f"{address}passkey/", {"token": token_of(client, address), "code": key.use(options)}
    )
    assert response.status_code == 422
    assert not AuditEvent.objects.filter(kind=EventKind.STEP_UP_PASSED).exists()


def test_wrong_answer_is_recorded_and_the_session_lives(held):
    client, address, key = held
    token = token_of(client, address)
    options = client.post(f"{address}passkey/options/", {"token": token}).json()
    answer = key.use(options, host="evil.example")
    assert client.post(f"{address}passkey/", {"token": token, "code": answer}).status_code == 422
    assert AuditEvent.objects.filter(kind=EventKind.STEP_UP_FAILED).count() == 1
    assert client.get(address).status_code == 302
    assert client.post(f"{address}app/", {"token": token, "code": app_code()}).url == address


def test_browsers_may_use_passkeys_here_only(client, db):
    policy = client.get("/sign-in/").headers["Permissions-Policy"]
    assert "publickey-credentials-get=(self)" in policy
    assert "publickey-credentials-create=(self)" in policy
