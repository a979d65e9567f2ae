from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from console.core import crypto
from console.core.models import OutgoingMail, OutgoingText
from console.core.texts import queue_text
from security.models import AuthenticatorDevice, HeldAct
from tests.factories import make_authenticator, make_user

K1, K2 = b"1" * 32, b"2" * 32


@pytest.fixture
def rows(db, settings):
    settings.FIELD_KEYS = {"k1": K1}
    now = timezone.now()
    user = make_user()
    make_authenticator(user)
    held = HeldAct(user=user, session_id=user.public_id, path="/x/", expires_at=now)
    held.sealed_body = crypto.encrypt(b"{}", context=held.context)
    held.save()
    mail = OutgoingMail(key="m", template="t", to="a@halyard.example", subject="s", due_at=now)
    mail.seal("text", "html")
    mail.save()
    OutgoingMail.objects.create(key="sent", template="t", to="a@halyard.example", subject="s", due_at=now)
    queue_text(channel="sms", to="+31612345678", text="code", key="t", expires_at=now + timedelta(minutes=1))
    return user


def test_old_key_may_leave_after_the_command(rows, settings):
    settings.FIELD_KEYS = {"k2": K2, "k1": K1}
    call_command("rotate_field_keys", "--batch", "1", verbosity=0)
    settings.FIELD_KEYS = {"k2": K2}
    assert AuthenticatorDevice.objects.get().seed == b"12345678901234567890"
    held = HeldAct.objects.get()
    assert crypto.decrypt(bytes(held.sealed_body), context=held.context) == b"{}"
    assert OutgoingMail.objects.get(key="m").open() == ("text", "html")
    assert OutgoingText.objects.get().open() == "code"


def test_second_run_changes_nothing(rows, settings):
    settings.FIELD_KEYS = {"k2": K2, "k1": K1}
    call_command("rotate_field_keys", verbosity=0)
    before = bytes(AuthenticatorDevice.objects.get().sealed_seed)
    call_command("rotate_field_keys", verbosity=0)
    assert bytes(AuthenticatorDevice.objects.get().sealed_seed) == before


def test_unreadable_value_is_reported_and_kept(rows, settings):
    settings.FIELD_KEYS = {"k2": K2}
    before = bytes(AuthenticatorDevice.objects.get().sealed_seed)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("rotate_field_keys", verbosity=0)
    assert bytes(AuthenticatorDevice.objects.get().sealed_seed) == before


def test_seed_moved_to_another_row_does_not_open(rows):
    other = make_authenticator(make_user(), seed=b"x" * 20)
    other.sealed_seed = AuthenticatorDevice.objects.exclude(pk=other.pk).get().sealed_seed
    with pytest.raises(crypto.Undecryptable):
        _ = other.seed


def test_one_flipped_bit_does_not_open(rows):
    device = AuthenticatorDevice.objects.get()
    sealed = bytearray(device.sealed_seed)
    sealed[-1] ^= 1
    device.sealed_seed = bytes(sealed)
    with pytest.raises(crypto.Undecryptable):
        _ = device.seed


def test_same_seed_is_sealed_differently(rows):
    device = AuthenticatorDevice.objects.get()
    before = bytes(device.sealed_seed)
    device.seed = device.seed
    assert bytes(device.sealed_seed) != before
