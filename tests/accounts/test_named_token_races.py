"""Named tokens and leaked ones under parallel hands: one place is given away once, one end is told once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Credential, TokenScanner
from accounts.services import leaks, named_tokens
from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.requests import Origin
from teams.roles import RIGHTS, Role
from tests.factories import make_account, make_token, make_user

pytestmark = [pytest.mark.transactional, pytest.mark.django_db(transaction=True)]
NOW = timezone.now


def at_once(deed, count=6):
    def run(number):
        try:
            return deed(number)
        except named_tokens.TooManyNamedTokens:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_last_places_are_given_away_once(settings):
    settings.CONSOLE_NAMED_TOKENS = 3
    owner = make_user()
    account = make_account(owner=owner)
    actor = Actor(user=owner, account=account, rights=RIGHTS[Role.OWNER])
    values = {"permissions": ["read"], "cidrs": [], "ends_at": None, "now": NOW()}
    made = at_once(
        lambda number: named_tokens.make_named_token(actor=actor, name=f"Robot {number}", **values)
    )
    assert len([each for each in made if each]) == 3
    assert Credential.objects.count() == 3


def test_token_that_is_reported_burned_and_revoked_at_once_ends_once():
    owner = make_user()
    account = make_account(owner=owner)
    made = [make_token(account), make_token(make_account(owner=make_user()))]
    scanner = TokenScanner.objects.create(name="Code Example", key_id="k1", public_key="", reason="Test")
    found = [leaks.Found(secret, "token") for _, secret in made]

    def end(number):
        if number % 2:
            leaks.burn(token=made[number % 4 // 2][1], origin=Origin(), now=NOW())
        else:
            lines = found if number % 4 else found[::-1]
            leaks.take_report(scanner=scanner, found=lines, origin=Origin(), now=NOW())

    at_once(end, 8)
    kinds = [EventKind.CREDENTIAL_LEAKED, EventKind.CREDENTIAL_BURNED]
    assert AuditEvent.objects.filter(kind__in=kinds).count() == 2
    assert Credential.objects.filter(ended_at=None).count() == 0
