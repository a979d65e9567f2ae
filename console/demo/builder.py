"""Build the demo's accounts: members of every role, credentials, months of money and events."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import services as accounts
from accounts.models import Account, ApiIdentity, User
from billing import services as billing
from billing.models import LedgerEntry
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.requests import Origin
from console.demo import (
    applications,
    cards,
    compromise,
    named_tokens,
    numbers,
    prices,
    provisioning,
    recoveries,
    rotation,
    session_policy,
    single_sign_on,
    subaccounts,
    team,
    usage,
    webhooks,
)
from console.demo.diary import in_order
from console.demo.people import make_person, make_staff
from teams.models import Membership
from teams.roles import RIGHTS, Role

_DAYS = 90
_PEOPLE = (
    (Role.OWNER, "ines.okafor", "Ines Okafor", "+31612345601"),
    (Role.ADMIN, "tomas.lindqvist", "Tomas Lindqvist", "+31612345602"),
    (Role.DEVELOPER, "priya.raman", "Priya Raman", "+31612345603"),
    (Role.SUPPORT, "hugo.bergeron", "Hugo Bergeron", "+31612345604"),
    (Role.ANALYST, "noor.haddad", "Noor Haddad", "+31612345605"),
)
_OFFICE = Origin(
    ip="198.51.100.23", user_agent="Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15"
)


@transaction.atomic
def build(*, now: datetime, seed: int) -> dict[str, Any]:
    """Make everything, and return what ``demo.json`` holds; ``seed`` makes the months repeatable."""
    chance = random.Random(seed)  # noqa: S311 - plausible numbers, not secrets
    began_at = now - timedelta(days=_DAYS)
    first = _company(
        "Halyard Logistics", "Europe/Amsterdam", _PEOPLE, "halyard.example", began_at, Account.Kind.STANDARD
    )
    with in_order():
        team.commit_plan(first, began_at=began_at)
        team.fill_team(first, now=now)
        numbers.load_stock(now=began_at)
        _months_of_money(first, chance, began_at)
        _guard(first, chance, now)
        subaccounts.open_parts(first, now=now)
        usage.fill_usage(first, now=now)
        subaccounts.set_limits(first, now=now)
        prices.agree_contract(first, now=now)
        prices.announce_prices(now=now)
        applications.add_applications(first, now=now)
        numbers.hand_out(first, now=now)
        endpoints = webhooks.add_endpoints(first, now=now)
    staff = make_staff(
        email="stan.keller@patchbay.example",
        name="Stan Keller",
        groups=["support", "finance", "risk"],
        joined_at=began_at,
    )
    shapes = [_shape(first, now), _shape(_trial(now), now)]
    webhooks.push_events(first, *endpoints, now=now)
    cards.use_cards(first, now=now)
    return {
        "base_url": settings.BASE_URL,
        "accounts": shapes,
        "staff": [staff],
        "usage_key": str(settings.USAGE_KEY),
        "stripe_url": settings.STRIPE_BASE_URL or None,
        "database_url": str(settings.DATABASE_URL),
        "owner_database_url": str(settings.OWNER_DATABASE_URL),
    }


def _guard(company: dict[str, Any], chance: random.Random, now: datetime) -> None:
    """Let the account have looked after its tokens, its members and how they sign in."""
    session_policy.shorten(company, now=now)
    company["token"] = rotation.rotate(company, chance, now=now)
    rotation.list_networks(company, now=now)
    named_tokens.fill_tokens(company, now=now)
    compromise.tell_story(company, now=now)
    recoveries.fill_queue(company, now=now)
    single_sign_on.try_okta(company, now=now)


def _trial(now: datetime) -> dict[str, Any]:
    """Make the second account: a trial without a plan."""
    owner = (Role.OWNER, "maya.brooks", "Maya Brooks", "+12125550147")
    began_at = now - timedelta(days=6)
    return _company(
        "Brightwater Studio",
        "America/New_York",
        (owner,),
        "brightwater.example",
        began_at,
        Account.Kind.TRIAL,
    )


def _company(
    name: str, zone: str, people: tuple[Any, ...], domain: str, began_at: datetime, kind: str
) -> dict[str, Any]:
    members = [
        make_person(email=f"{local}@{domain}", name=full, phone=phone, joined_at=began_at) | {"role": role}
        for role, local, full, phone in people
    ]
    owner: User = members[0]["user"]
    account = Account.objects.create(
        name=name,
        time_zone=zone,
        kind=kind,
        opened_by=owner,
        state=Account.State.ACTIVE,
        created_at=began_at,
        activated_at=began_at,
    )
    ApiIdentity.objects.create(auth_id=account.auth_id, account=account)
    for member in members:
        Membership.objects.create(
            account=account, user=member["user"], role=member["role"], created_at=began_at
        )
    actor = Actor(user=owner, account=account, rights=RIGHTS[Role.OWNER], role="Owner", origin=_OFFICE)
    record(EventKind.ACCOUNT_OPENED, actor=actor, target=account, at=began_at)
    billing.grant_trial_credit(account=account, now=began_at)
    return {"account": account, "members": members, "actor": actor}


def _months_of_money(company: dict[str, Any], chance: random.Random, began_at: datetime) -> None:
    account, balance = company["account"], settings.CONSOLE_TRIAL_CREDIT
    for day in range(_DAYS):
        at = began_at + timedelta(days=day, hours=chance.uniform(1, 22))
        spent = Decimal(chance.randrange(8_00000, 46_00000)).scaleb(-5)
        if balance < spent + 60:
            kind, paid = LedgerEntry.Kind.RECHARGE, Decimal(500)
            billing.post_entry(
                account=account, kind=kind, amount=paid, key=f"demo-r{day}", now=at, note="Recharge"
            )
            balance += paid
        kind = LedgerEntry.Kind.USAGE
        billing.post_entry(
            account=account, kind=kind, amount=-spent, key=f"demo-u{day}", now=at, note="Usage of a day"
        )
        balance -= spent + numbers.live_a_day(company, day=day, at=at)


def _shape(company: dict[str, Any], now: datetime) -> dict[str, Any]:
    token = (
        company.get("token") or accounts.generate_token(actor=company["actor"], revoke="now", now=now).token
    )
    return {
        "name": company["account"].name,
        "auth_id": company["account"].auth_id,
        "auth_token": token,
        "users": [
            {
                "role": str(member["role"]),
                "email": member["email"],
                "password": member["password"],
                "totp_secret": member["totp_secret"],
                "recovery_codes": member["recovery_codes"],
            }
            for member in company["members"]
        ],
        "subaccounts": company.get("subaccounts", []),
        "scim": provisioning.connect(company, now=now),
    }
