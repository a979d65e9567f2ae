"""Make the accounts that are measured: run inside the console's shell, prints their facts as JSON."""

import json
import uuid
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from console.core.access import Actor
from console.core.events import EventKind, record
from subaccounts.services import UsageRow, append_usage
from teams.models import Membership
from teams.roles import Role
from tests.conftest import sign_in
from tests.factories import make_account, make_authenticator, make_subaccount, make_token, make_user


def main() -> None:
    """Make one owner with an account of few rows and one of many, and sign the owner in."""
    owner = make_user("bench@halyard.example")
    make_authenticator(owner)
    accounts = [_account(owner, name) for name in ("few", "many")]
    client = Client()
    sign_in(client, owner)
    key = settings.SESSION_COOKIE_NAME
    print(json.dumps(dict(accounts) | {"cookie": f"{key}={client.cookies[key].value}"}))


@transaction.atomic
def _account(owner: User, name: str) -> tuple[str, dict[str, object]]:
    account = make_account(f"Account of {name}", owner=owner)
    token = make_token(account)[1]
    make_subaccount(account)
    record(EventKind.ACCOUNT_UPDATED, actor=Actor.system(account), target=account)
    _use(account)
    assert Membership.objects.of(account).get().role == Role.OWNER
    return name, {"id": account.pk, "auth_id": account.auth_id, "token": token}


def _use(account: Account) -> None:
    """Write 14 days of usage in 20 countries, so that the charts have what to draw."""
    now, price = timezone.now(), Decimal("0.02")
    rows = [
        UsageRow(
            account.pk,
            now - timedelta(days=n % 14, minutes=1),
            uuid.uuid4(),
            None,
            1,
            price,
            price,
            ("call", "message")[n % 2],
            "outbound",
            "NLDEGBFRUSPLESITATCHDKSENOCZPTIETRINLVBE"[n % 20 * 2 :][:2],
            "completed",
            "+31201234567",
            f"+3161234{n:04d}",
        )
        for n in range(280)
    ]
    append_usage(rows=rows)
