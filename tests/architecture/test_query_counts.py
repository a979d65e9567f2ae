"""Every page of an account costs a handful of queries, the same for few and for many rows."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Credential, Device, Session
from accounts.sessions import session_digest
from billing import services as billing
from console.core.access import find_access
from console.core.permissions import Permission
from tests.architecture.routes import arguments_of, console_routes
from tests.factories import make_account, make_token

MOST = 8
# These look into every app; each look is one query.
OVERVIEWS = {"overview", "security:compromise"}
OVERVIEW_MOST = 10
ROUTES = [route for route in console_routes() if isinstance(find_access(route.view).right, Permission)]


def _count(client, address):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
    writes = [query for query in queries if not query["sql"].lstrip().upper().startswith("SELECT")]
    return response.status_code, len(queries) - len(writes), [query["sql"][:120] for query in queries]


def _fill(cast, rows):
    """Give the account more of everything that pages list."""
    now = timezone.now()
    for number in range(rows):
        make_token(cast.account, made_at=now, ended_at=now)
        make_account(f"Company {number:03d}", owner=cast.owner)
        billing.post_entry(account=cast.account, kind="recharge", amount=1, key=f"fill-{number}", now=now)
        device = Device.objects.create(user=cast.owner, digest=f"fill-{number}".encode())
        Session.objects.create(
            session_key=session_digest(f"fill-{number}"),
            session_data="",
            expire_date=now + timedelta(hours=1),
            user=cast.owner,
            device=device,
            signed_in_at=now,
        )


@pytest.mark.parametrize("route", ROUTES, ids=[route.name for route in ROUTES])
def test_page_costs_the_same_for_many_rows(client, cast, route):
    make_token(cast.account)
    cast.sign_in(client, "owner")
    address = reverse(route.name, kwargs=arguments_of(route, cast.account.auth_id))
    client.get(address)
    status, few, listed = _count(client, address)
    if status != 200:
        pytest.skip("no page of its own")
    assert few <= (OVERVIEW_MOST if route.name in OVERVIEWS else MOST), listed
    _fill(cast, 12)
    client.get(address)
    assert _count(client, address)[1] == few
    assert Credential.objects.count() == 13
