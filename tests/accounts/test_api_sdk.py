"""The provider's own Python SDK, unchanged, against the running server."""

import decimal
import json

import pytest
from plivo.exceptions import (
    AuthenticationError,
    InvalidRequestError,
    PlivoRestError,
    ResourceNotFoundError,
    ValidationError,
)

from console.core import ratelimit
from tests.factories import make_account, make_token
from tests.sdk import LoopbackOnly, connect, lead_to

pytestmark = [pytest.mark.transactional, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def account(live_server, monkeypatch):
    lead_to(live_server.url, monkeypatch)
    return make_account()


@pytest.fixture
def token(account):
    return make_token(account)[1]


@pytest.fixture
def sdk(account, token):
    return connect(account.auth_id, token)


def test_account_is_read(sdk, account):
    got = sdk.account.get()
    assert (type(got).__name__, got.id, got.name) == ("Account", account.auth_id, account.name)
    assert got.resource_uri == f"/v1/Account/{account.auth_id}/"
    assert isinstance(got.auto_recharge, bool)
    assert decimal.Decimal(got.cash_credits) == 0
    assert got.api_id != sdk.account.get().api_id
    assert "Set-Cookie" not in LoopbackOnly.last.headers


def test_account_is_changed_and_null_leaves_a_field(sdk, account):
    changed = sdk.account.update(name="Holmes", city="Zürich", address="Baker Street, C/o తెలుగు")
    assert (changed.message, LoopbackOnly.last.status_code) == ("changed", 202)
    sdk.account.update(name="Watson")
    assert json.loads(LoopbackOnly.last.request.body)["city"] is None
    got = sdk.account.get()
    assert (got.name, got.city, got.address) == ("Watson", "Zürich", "Baker Street, C/o తెలుగు")
    sdk.request("POST", (), {"state": "CA", "timezone": "Asia/Kolkata"})
    got = sdk.account.get()
    assert (got.state, got.timezone) == ("CA", "Asia/Kolkata")


@pytest.mark.parametrize(
    ("deed", "error"),
    [
        (lambda sdk: sdk.request("POST", (), {"timezone": "Mars/Olympus_Mons"}), ValidationError),
        (lambda sdk: sdk.request("POST", (), {}), ValidationError),
        (lambda sdk: sdk.request("DELETE", ()), InvalidRequestError),
        (lambda sdk: sdk.request("PUT", (), {"name": "x"}), InvalidRequestError),
        (lambda sdk: sdk.request("GET", ("NoSuchThing",)), ResourceNotFoundError),
        (lambda sdk: sdk.subaccounts.get("SA" + "Z" * 18), ResourceNotFoundError),
    ],
)
def test_refusal_raises_the_right_error_with_our_words(sdk, deed, error):
    with pytest.raises(error) as raised:
        deed(sdk)
    assert type(raised.value) is error
    assert str(raised.value) == LoopbackOnly.last.json()["error"]


@pytest.mark.parametrize(
    "deed",
    [
        lambda sdk: sdk.account.get(),
        lambda sdk: sdk.subaccounts.list(),
        lambda sdk: sdk.applications.list(),
        lambda sdk: sdk.endpoints.list(),
        lambda sdk: sdk.numbers.list(),
        lambda sdk: sdk.subaccounts.create("never", True),
        lambda sdk: sdk.applications.create("never", answer_url="https://example.com/"),
    ],
)
def test_wrong_token_raises_authentication_error_on_every_kind_of_call(account, token, deed):
    for wrong in (connect(account.auth_id, "wrong"), connect("MA" + "Q" * 18, token)):
        with pytest.raises(AuthenticationError):
            deed(wrong)
        assert LoopbackOnly.last.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_limit_raises_the_general_error(sdk, settings):
    settings.CONSOLE_API_REQUESTS = 2
    ratelimit.valkey().flushdb()
    sdk.account.get()
    sdk.account.get()
    with pytest.raises(PlivoRestError) as raised:
        sdk.account.get()
    assert type(raised.value) is PlivoRestError
    assert LoopbackOnly.last.status_code == 429
    assert int(LoopbackOnly.last.headers["Retry-After"]) >= 1
