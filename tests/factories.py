"""Make rows for tests: functions, not classes."""

import itertools
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import Account, ApiIdentity, Credential, User
from accounts.models.tenants import new_auth_id
from billing.models import Plan
from console.core import crypto
from security.models import AuthenticatorDevice, PhoneDevice
from subaccounts.models import Subaccount
from teams.models import Membership
from teams.roles import Role

_numbers = itertools.count(1)
PASSWORD = "violet kettle argues at dawn"
_hashes: dict[str, str] = {}


def make_user(
    email: str = "", *, full_name: str = "Alice Okafor", password: str = PASSWORD, **fields: Any
) -> User:
    """Make a person who verified email and phone and has the phone as second factor."""
    number = next(_numbers)
    email = email or f"person{number}@halyard.example"
    now = timezone.now()
    values = {
        "email_verified_at": now,
        "phone": f"+3161{number:07d}",
        "phone_verified_at": now,
        "terms_accepted_at": now,
    } | fields
    hashed = _hashes.setdefault(password, make_password(password))
    user = User.objects.create(
        email=email, email_key=email.lower(), full_name=full_name, password=hashed, **values
    )
    if user.phone_verified_at:
        PhoneDevice.objects.create(user=user, name="Phone", confirmed=True, chosen_at=now)
    return user


def make_authenticator(user: User, *, seed: bytes = b"12345678901234567890") -> AuthenticatorDevice:
    """Give the person an authenticator app with a known seed."""
    device = AuthenticatorDevice(user=user, name="Authenticator app", confirmed=True)
    device.seed = seed
    device.save()
    return device


def make_account(name: str = "Halyard Logistics", *, owner: User | None = None, **fields: Any) -> Account:
    """Make an active account with its owner and its API identity."""
    values = {"state": Account.State.ACTIVE, "activated_at": timezone.now()} | fields
    account = Account.objects.create(name=name, opened_by=owner, **values)
    ApiIdentity.objects.create(auth_id=account.auth_id, account=account)
    if owner:
        Membership.objects.create(account=account, user=owner, role=Role.OWNER)
    return account


def make_plan(account: Account, **fields: Any) -> Plan:
    """Make a committed plan that runs, as a team needs it."""
    now = timezone.now()
    values = {"starts_at": now - timedelta(days=30), "ends_at": now + timedelta(days=335)} | fields
    return Plan.objects.create(account=account, monthly_amount=750, reason="Contract", **values)


def make_member(account: Account, *, role: str = Role.DEVELOPER, user: User | None = None) -> User:
    """Make a person who is a member of the account."""
    user = user or make_user(full_name=f"{role.title()} Person")
    if not Plan.objects.of(account).exists():
        make_plan(account)
    Membership.objects.create(account=account, user=user, role=role)
    return user


def make_token(account: Account, *, slot: int = 1, **fields: Any) -> tuple[Credential, str]:
    """Make a primary token of the account, and return it with its secret."""
    return _make_token(ApiIdentity.objects.get(auth_id=account.auth_id), slot, fields)


def make_subaccount(
    account: Account, name: str = "Warehouse", *, is_enabled: bool = True, **fields: Any
) -> tuple[Subaccount, str]:
    """Make a subaccount with one Auth Token, and return it with the secret."""
    auth_id = new_auth_id("SA")
    identity = ApiIdentity.objects.create(
        auth_id=auth_id, account=account, kind=ApiIdentity.Kind.SUBACCOUNT, is_enabled=is_enabled
    )
    made = Subaccount.objects.create(account=account, identity=identity, auth_id=auth_id, name=name, **fields)
    return made, _make_token(identity, 1, {})[1]


def _make_token(identity: ApiIdentity, slot: int, fields: dict[str, Any]) -> tuple[Credential, str]:
    token = crypto.make_token("pbt")
    credential = Credential.objects.create(
        identity=identity,
        slot=slot,
        prefix=token[:12],
        last_four=token[-4:],
        digest=crypto.token_digest(token),
        **fields,
    )
    return credential, token
