"""Make the people of the demo, each able to sign in with what ``demo.json`` says."""

import base64
import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group

from accounts.models import User
from console.core.requests import Origin
from security import services as security
from security.models import AuthenticatorDevice, PhoneDevice

_SEED_BYTES = 20


def make_person(
    *, email: str, name: str, phone: str, joined_at: datetime, staff: bool = False
) -> dict[str, Any]:
    """Make one person with a random password, an authenticator app and recovery codes."""
    password = "-".join(secrets.token_hex(4) for _ in range(4))
    proofs: dict[str, Any] = {
        "email_verified_at": joined_at,
        "terms_accepted_at": joined_at,
        "created_at": joined_at,
    }
    if phone:
        proofs |= {"phone": phone, "phone_verified_at": joined_at}
    user = User.objects.create_user(
        email, password, full_name=name, is_staff=staff, is_superuser=staff, **proofs
    )
    if phone:
        PhoneDevice.objects.create(
            user=user, name="Phone", confirmed=True, created_at=joined_at, chosen_at=joined_at
        )
    seed = secrets.token_bytes(_SEED_BYTES)
    device = AuthenticatorDevice(user=user, name="Authenticator app", confirmed=True, created_at=joined_at)
    device.seed = seed
    device.save()
    codes = security.make_recovery_codes(user=user, origin=Origin(), now=joined_at)
    return {
        "user": user,
        "email": email,
        "password": password,
        "totp_secret": base64.b32encode(seed).decode(),
        "recovery_codes": codes,
    }


def make_staff(*, email: str, name: str, groups: list[str], joined_at: datetime) -> dict[str, Any]:
    """Make one staff member in the named groups."""
    person = make_person(email=email, name=name, phone="", joined_at=joined_at, staff=True)
    for group in groups:
        person["user"].groups.add(Group.objects.get_or_create(name=group)[0])
    return {key: person[key] for key in ("email", "password", "totp_secret")} | {"groups": groups}
