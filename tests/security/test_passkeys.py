"""Registrations and uses of passkeys with real bytes: the right ones pass, every spoiled one is refused."""

import threading
import uuid
from datetime import timedelta

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection
from django.utils import timezone

from accounts.models import Session
from console.core.errors import DomainError, TooManyRequests
from console.core.events import EventKind
from console.core.models import AuditEvent
from security import queries, services
from security.models import PasskeyChallenge, PasskeyDevice, PhoneDevice
from security.services import PasskeyRefused, QuestionOver, WrongFactor, check_second_factor
from tests.factories import make_account, make_authenticator, make_user
from tests.security.passkey_steps import HOST, SITE, ask, new_key, register, use
from tests.security.software_key import AAGUID, HAS_KEY, MAY_SYNC, PRESENT, decoded, encoded
from tests.security.steps import ORIGIN
from tests.work import mails_to


@pytest.fixture(autouse=True)
def _site(settings):
    settings.BASE_URL = SITE


@pytest.fixture
def user(db):
    user = make_user("tomas@halyard.example", full_name="Tomas Lindqvist")
    make_account(owner=user)
    return user


def test_question_names_the_site_and_the_person(user):
    options = ask(user, "register")
    assert options["rp"] == {"name": "Patchbay", "id": HOST}
    assert decoded(options["user"]["id"]) == user.public_id.bytes
    assert options["user"]["name"] == user.email
    assert len(decoded(options["challenge"])) == 32
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["userVerification"] == "preferred"
    assert options["timeout"] == 300_000


def test_each_question_is_new_and_one_is_open(user):
    challenges = {ask(user, "register")["challenge"] for _ in range(5)}
    assert len(challenges) == 5
    assert PasskeyChallenge.objects.count() == 1


def test_passkey_is_added(user):
    device, key = register(user)
    assert bytes(device.credential_id) == key.credential_id
    assert bytes(device.public_key) == key.public_key
    assert device.aaguid == uuid.UUID(bytes=AAGUID)
    assert device.transports == ["nfc", "usb"]
    assert (device.sign_count, device.is_backed_up, device.name) == (1, False, "Blue key")
    assert queries.factors_of(user).has_strong
    assert queries.methods_of(user)[0] == queries.PASSKEY
    event = AuditEvent.objects.get(kind=EventKind.FACTOR_ADDED)
    assert event.data["factor"] == "passkey"
    assert "A new passkey “Blue key” protects your sign-in" in [mail.subject for mail in mails_to(user.email)]


def test_adding_one_ends_other_sessions(client, user):
    from tests.conftest import sign_in

    sign_in(client, user)
    register(user)
    assert not Session.objects.filter(user=user).exists()


def test_known_keys_are_excluded_and_allowed(user):
    _, key = register(user)
    entry = {"id": encoded(key.credential_id), "type": "public-key", "transports": ["nfc", "usb"]}
    assert ask(user, "register")["excludeCredentials"] == [entry]
    options = ask(user)
    assert options["allowCredentials"] == [entry]
    assert options["rpId"] == HOST


def test_nobody_is_asked_for_a_passkey_they_lack(user):
    with pytest.raises(services.FactorMissing):
        ask(user)
    assert not PasskeyChallenge.objects.exists()


SPOILED = {
    "another origin": {"origin": "https://console.patchbay.example.evil.example"},
    "origin over http": {"origin": "http://console.patchbay.example"},
    "subdomain": {"origin": "https://a.console.patchbay.example"},
    "another port": {"origin": "https://console.patchbay.example:8443"},
    "inside another site": {"cross_origin": True},
    "top origin": {"top_origin": "https://evil.example"},
    "another site's key": {"host": "evil.example"},
    "another challenge": {"challenge": encoded(b"x" * 32)},
    "empty challenge": {"challenge": ""},
    "odd challenge": {"challenge": None},
    "absent person": {"flags": 0x00},
    "another type": {"type": "password"},
    "synced but not syncable": {"flags": 0x01 | 0x10},
}
SPOILED_USES = SPOILED | {
    "registration as use": {"kind": "webauthn.create"},
    "another key's signature": {"private": ec.generate_private_key(ec.SECP256R1())},
    "no signature": {"signature": b"\x00"},
    "another person's handle": {"user_handle": uuid.uuid4().bytes},
    "unknown key": {"credential_id": b"k" * 32},
}
SPOILED_KEYS = SPOILED | {
    "use as registration": {"kind": "webauthn.get"},
    "no key inside": {"flags": PRESENT},
    "weak algorithm": {"public_key": cbor2.dumps({1: 3, 3: -65535, -1: b"\x01" * 256, -2: b"\x01\x00\x01"})},
    "point off the curve": {
        "public_key": cbor2.dumps({1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32})
    },
    "no map": {"public_key": cbor2.dumps([1, 2])},
    "unknown attestation": {"attestation": cbor2.dumps({"fmt": "own", "attStmt": {}, "authData": b""})},
    "attestation of nothing": {"attestation": b"\xff\xff"},
    "another id outside than inside": {"credential_id": b"k" * 32},
}


@pytest.mark.parametrize("changes", SPOILED_KEYS.values(), ids=SPOILED_KEYS)
def test_spoiled_registration_is_refused(user, changes):
    if changes.get("flags") not in {None, PRESENT}:
        changes = changes | {"flags": changes["flags"] | HAS_KEY}
    with pytest.raises(PasskeyRefused):
        register(user, **changes)
    assert not PasskeyDevice.objects.exists()
    assert not AuditEvent.objects.filter(kind=EventKind.FACTOR_ADDED).exists()


def test_use_signs_in_and_counts_up(user):
    device, key = register(user)
    now = timezone.now()
    assert use(user, key.use(ask(user)), now=now) == "passkey"
    device.refresh_from_db()
    assert (device.sign_count, device.last_used_at) == (2, now)


@pytest.mark.parametrize("changes", SPOILED_USES.values(), ids=SPOILED_USES)
def test_spoiled_use_is_refused(user, changes):
    device, key = register(user)
    with pytest.raises(WrongFactor):
        use(user, key.use(ask(user), **changes))
    device.refresh_from_db()
    assert (device.sign_count, device.last_used_at) == (1, None)


def test_answer_works_once_and_is_no_replay(user):
    _, key = register(user)
    answer = key.use(ask(user))
    use(user, answer)
    with pytest.raises(QuestionOver):
        use(user, answer)
    ask(user)
    with pytest.raises(WrongFactor):
        use(user, answer)


def test_wrong_answer_closes_the_question(user):
    _, key = register(user)
    options = ask(user)
    with pytest.raises(WrongFactor):
        use(user, key.use(options, origin="https://evil.example"))
    with pytest.raises(QuestionOver):
        use(user, key.use(options))


def test_question_lives_five_minutes(user):
    _, key = register(user)
    now = timezone.now()
    options = ask(user, now=now)
    with pytest.raises(QuestionOver):
        use(user, key.use(options), now=now + timedelta(minutes=5))
    options = ask(user, now=now)
    assert use(user, key.use(options), now=now + timedelta(minutes=4, seconds=59))


def test_question_of_another_sign_in_or_purpose_is_not_open_here(user):
    _, key = register(user)
    answer = key.use(ask(user, "step-up"))
    for purpose, binding in (("sign-in", "b1"), ("step-up", "b2"), ("register", "b1")):
        with pytest.raises(QuestionOver):
            use(user, answer, purpose, binding=binding)
    assert use(user, answer, "step-up") == "passkey"


def test_key_of_somebody_else_is_refused(user):
    _, key = register(user)
    other = make_user()
    _, theirs = register(other)
    options = ask(user)
    with pytest.raises(WrongFactor):
        use(user, theirs.use(options))
    with pytest.raises(WrongFactor):
        use(user, theirs.use(ask(user), credential_id=key.credential_id))


def test_key_is_nobody_elses_at_registration(user):
    _, key = register(user)
    other = make_user()
    with pytest.raises(PasskeyRefused, match="known already"):
        register(other, key)
    with pytest.raises(PasskeyRefused):
        register(user, key)
    assert PasskeyDevice.objects.count() == 1


@pytest.mark.parametrize("counter", [0, 1, 5])
def test_counter_that_goes_back_is_refused_recorded_and_mailed(user, counter):
    device, key = register(user)
    PasskeyDevice.objects.update(sign_count=5)
    for _ in range(2):
        with pytest.raises(WrongFactor, match="copied"):
            use(user, key.use(ask(user), counter=counter))
    device.refresh_from_db()
    assert (device.sign_count, device.last_used_at) == (5, None)
    events = AuditEvent.objects.filter(kind=EventKind.PASSKEY_COPY_SUSPECTED)
    assert events.first().data == {"name": "Blue key", "last_counter": 5, "counter": counter}
    subjects = [mail.subject for mail in mails_to(user.email)]
    assert subjects.count("A passkey of yours was refused") == 1


def test_synced_key_does_not_count(user):
    device, _ = register(user, key := new_key(counts=False, is_synced=True))
    assert device.is_backed_up
    for _ in range(2):
        assert use(user, key.use(ask(user))) == "passkey"
    device.refresh_from_db()
    assert device.sign_count == 0


def test_key_that_is_synced_later_is_noted(user):
    device, key = register(user, flags=PRESENT | MAY_SYNC | HAS_KEY)
    key.is_synced = True
    use(user, key.use(ask(user)))
    device.refresh_from_db()
    assert device.is_backed_up


def test_wrong_answers_lock_like_wrong_codes(user):
    _, key = register(user)
    who = {"user": user, "method": "passkey", "binding": "b1", "device_key": "", "origin": ORIGIN}
    for _ in range(5):
        with pytest.raises(WrongFactor):
            check_second_factor(code=key.use(ask(user), host="evil.example"), now=timezone.now(), **who)
    with pytest.raises(TooManyRequests):
        check_second_factor(code=key.use(ask(user)), now=timezone.now(), **who)
    assert AuditEvent.objects.filter(kind=EventKind.SECOND_FACTOR_FAILED).count() == 5


def test_questions_are_limited(user):
    register(user)
    for _ in range(59):
        ask(user)
    with pytest.raises(TooManyRequests):
        ask(user)


def test_one_person_has_twenty_at_most(user, settings):
    settings.CONSOLE_PASSKEYS = 2
    register(user)
    register(user)
    with pytest.raises(services.PasskeysFull):
        register(user)


def test_removal_and_the_last_factor(user):
    device, _ = register(user)
    PhoneDevice.objects.filter(user=user).update(confirmed=False)
    with pytest.raises(services.FactorNeeded):
        remove(user, device)
    make_authenticator(user)
    remove(user, device)
    assert not PasskeyDevice.objects.exists()
    assert "Your passkey “Blue key” was removed" in [mail.subject for mail in mails_to(user.email)]


def test_app_may_go_while_a_passkey_stays(user):
    register(user)
    make_authenticator(user)
    PhoneDevice.objects.filter(user=user).delete()
    services.remove_authenticator(user=user, keep=None, origin=ORIGIN, now=timezone.now())
    assert queries.methods_of(user) == [queries.PASSKEY]


def test_phone_is_chosen_once_nothing_stronger_is_left(user):
    PhoneDevice.objects.filter(user=user).update(chosen_at=None)
    first, _ = register(user)
    second, _ = register(user)
    remove(user, first)
    assert not queries.has_chosen_phone(user)
    remove(user, second)
    assert queries.has_chosen_phone(user)


def remove(user, device):
    return services.remove_passkey(
        user=user, public_id=device.public_id, keep=None, origin=ORIGIN, now=timezone.now()
    )


def test_stolen_last_passkey_is_replaced_in_one_step(user):
    stolen, thief = register(user)
    PhoneDevice.objects.filter(user=user).delete()
    with pytest.raises(services.FactorNeeded):
        remove(user, stolen)
    device, key = register(user, replaces=stolen.public_id)
    assert list(PasskeyDevice.objects.filter(user=user)) == [device]
    assert AuditEvent.objects.get(kind=EventKind.FACTOR_REMOVED).data["reason"] == "replaced"
    with pytest.raises(WrongFactor):
        use(user, thief.use(ask(user)))
    assert use(user, key.use(ask(user))) == "passkey"


def test_refused_replacement_leaves_the_old_passkey(user):
    device, key = register(user)
    with pytest.raises(PasskeyRefused):
        register(user, replaces=device.public_id, origin="https://evil.example")
    assert use(user, key.use(ask(user))) == "passkey"


def test_passkey_of_somebody_else_is_not_replaced(user):
    theirs, _ = register(make_user())
    register(user, replaces=theirs.public_id)
    assert PasskeyDevice.objects.filter(pk=theirs.pk).exists()


@pytest.mark.parametrize(
    "address", ["https://console.patchbay.example:443", "https://Console.Patchbay.example", SITE]
)
def test_origin_is_written_as_browsers_write_it(user, settings, address):
    settings.BASE_URL = address
    _, key = register(user)
    assert use(user, key.use(ask(user))) == "passkey"


def test_own_port_belongs_to_the_origin(user, settings):
    settings.BASE_URL = "http://localhost:8000"
    device, _ = register(user, new_key(origin="http://localhost:8000", host="localhost"))
    assert device.pk
    with pytest.raises(PasskeyRefused):
        register(user, new_key(origin="http://localhost", host="localhost"))


def test_passkey_of_another_person_is_not_found(user):
    device, _ = register(make_user())
    with pytest.raises(services.NoSuchPasskey):
        remove(user, device)
    with pytest.raises(services.NoSuchPasskey):
        services.rename_passkey(user=user, public_id=device.public_id, name="Mine", origin=ORIGIN)


def test_staff_with_a_passkey_get_no_phone_code(db):
    staff = make_user(is_staff=True)
    register(staff)
    assert queries.methods_of(staff) == [queries.PASSKEY]


@pytest.mark.django_db(transaction=True)
def test_one_of_four_requests_with_one_answer_succeeds():
    user = make_user()
    _, key = register(user, new_key(counts=False))
    answer = key.use(ask(user))
    barrier, outcomes = threading.Barrier(4), []

    def attempt():
        barrier.wait()
        try:
            outcomes.append(use(user, answer))
        except DomainError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["QuestionOver", "QuestionOver", "QuestionOver", "passkey"]
