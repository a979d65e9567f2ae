"""One walk through every resource with the provider's own Python SDK, as a customer's program takes it."""

import pytest
from plivo.exceptions import ForbiddenError, PlivoServerError, ResourceNotFoundError, ValidationError

from accounts.services import api_use
from console.core import api as kernel
from console.core import ratelimit
from subaccounts.models import Application
from subaccounts.services import answers
from tests.factories import make_account, make_token
from tests.sdk import LoopbackOnly, connect, lead_to
from tests.subaccounts.stock import make_stock, owner_of, pay, rent

URL = "https://voice.halyard.example/answer"
pytestmark = [pytest.mark.transactional, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def account(live_server, monkeypatch):
    lead_to(live_server.url, monkeypatch)
    monkeypatch.setattr(api_use, "recent", api_use.Recent())
    monkeypatch.setattr(ratelimit, "_outage", ratelimit._Outage())
    return make_account()


@pytest.fixture
def sdk(account):
    return connect(account.auth_id, make_token(account)[1])


def test_walk_through_all_resources(sdk, account):
    assert sdk.account.get().auth_id == account.auth_id
    made = sdk.subaccounts.create("Driver app", True)
    own = connect(made.auth_id, made.auth_token)
    line = sdk.applications.create("Dispatch-line", answer_url=URL, default_endpoint_app=True)
    assert (LoopbackOnly.last.status_code, line.message) == (201, "created")
    theirs = own.applications.create(
        "Driver-line", answer_url=URL, answer_method="GET", log_incoming_messages=False
    )
    assert sdk.applications.get(theirs.app_id).sub_account == made.auth_id
    assert [each.app_id for each in own.applications.list()] == [theirs.app_id]
    assert [each.app_id for each in sdk.applications.list(subaccount=made.auth_id)] == [theirs.app_id]
    for refused in (
        own.applications.get,
        own.applications.delete,
        lambda key: own.applications.update(key, URL),
    ):
        with pytest.raises(ResourceNotFoundError) as raised:
            refused(line.app_id)
        assert str(raised.value) == "not found"
    phone = sdk.endpoints.create("gate", "secret-pw-1", "Gate_1")
    assert sdk.endpoints.get(phone.endpoint_id).application.endswith(f"/{line.app_id}/")
    assert sdk.endpoints.update(phone.endpoint_id, alias="Gate_2").message == "changed"
    assert [each.alias for each in sdk.endpoints] == ["Gate_2"]
    with pytest.raises(ValidationError):
        sdk.endpoints.create("1gate", "secret-pw-1", "Gate_1")
    # What the SDK says without being asked is obeyed: it is no default any more, and its methods are POST.
    assert sdk.applications.update(line.app_id, hangup_url=URL).message == "changed"
    assert sdk.applications.get(line.app_id).default_endpoint_app is False
    _walk_numbers(sdk, own, account, made.auth_id, theirs.app_id)
    assert sdk.applications.delete(line.app_id, cascade=False) is None
    assert sdk.endpoints.get(phone.endpoint_id).application is None
    assert sdk.subaccounts.delete(made.auth_id, cascade=False) is None
    assert sdk.applications.get(theirs.app_id).sub_account is None


def _walk_numbers(sdk, own, account, part, app_id):
    pay(account, 50)
    number = rent(owner_of(account), make_stock().number).number
    assert sdk.numbers.update(number, subaccount=part, alias="Front door").message == "changed"
    assert [each.alias for each in own.numbers.list(number_startswith=number[:6], services=("voice",))] == [
        "Front door"
    ]
    assert own.numbers.update(number, app_id=app_id).message == "changed"
    assert sdk.numbers.get(number).application.endswith(f"/{app_id}/")
    with pytest.raises(ForbiddenError):
        own.account.get()
    with pytest.raises(ResourceNotFoundError):
        own.pricing.get("ZZ")
    assert own.numbers.delete(number) is None
    assert sdk.numbers.list().meta.total_count == 0


def test_sdk_that_repeats_a_call_after_a_500_makes_one_application(sdk, monkeypatch):
    """The change is made and its answer breaks: the SDK asks again and gets what was made at first."""
    whole, broken = kernel.json_reply, [1]
    monkeypatch.setattr(answers, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(
        kernel, "json_reply", lambda *facts: 1 // 0 if broken and broken.pop() else whole(*facts)
    )
    made = sdk.applications.create("Dispatch-line", answer_url=URL)
    assert (broken, sdk.voice_retry_count) == ([], 0)
    assert [each.app_id for each in Application.unscoped.all()] == [made.app_id]


def test_sdk_gives_up_after_three_and_nothing_is_there_twice(sdk, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(answers, "_PATIENCE_SECONDS", 0.05)
        patch.setattr("console.core.api.Operation.check", lambda *facts: 1 // 0)
        with pytest.raises(PlivoServerError):
            sdk.applications.create("Dispatch-line", answer_url=URL)
    sdk.voice_retry_count = 0
    sdk.applications.create("Dispatch-line", answer_url=URL)
    assert Application.unscoped.count() == 1
