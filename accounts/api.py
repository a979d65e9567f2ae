"""Serve the account itself over the HTTP API."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Account
from accounts.services import profile
from console.core.api import Call, Reply, api_route, operation, resource
from console.core.api_fields import ApiError, Text
from console.core.api_samples import node, python
from console.core.permissions import ApiArea, Permission

_FIELDS = (
    Text("name", 255, "Company name.", "Halyard Logistics", least=1),
    Text("city", 255, "City.", "Rotterdam"),
    Text("address", 400, "Street and number.", "Maashaven 12"),
    Text("state", 255, "State or region.", "Zuid-Holland"),
    Text("timezone", 255, "Name of a zone in the IANA database.", "Europe/Amsterdam"),
)
_PREPAID = ["prepaid", "postpaid"]


def _text(words: str) -> dict[str, Any]:
    return {"type": "string", "description": words}


_ACCOUNT = {
    "properties": {
        "account_type": {"enum": Account.Kind.values, "description": "developer is a trial."},
        "address": _text("Street and number; empty when not given."),
        "auth_id": _text("The Auth ID; it never changes."),
        "auto_recharge": {"type": "boolean", "description": "Whether the balance is filled up by card."},
        "billing_mode": {"enum": _PREPAID, "description": "When usage is paid."},
        "cash_credits": _text("Balance in US dollars, with five decimals.")
        | {"pattern": r"^-?\d+\.\d{5}$", "examples": ["4.88860"]},
        "city": _text("City."),
        "name": _text("Company name."),
        "resource_uri": _text("Path of this account."),
        "state": _text("State or region."),
        "timezone": _text("Name of a zone in the IANA database."),
    }
}
_CHANGED = {"properties": {"message": {"const": "changed", "description": "What happened."}}}


@operation(
    "GET",
    summary="Read the account",
    status=200,
    answer=_ACCOUNT,
    main_only=True,
    area=ApiArea.ACCOUNT,
    right=Permission.COMPANY_VIEW,
    samples={
        "python": python("print(client.account.get().cash_credits)"),
        "javascript": node("client.accounts.get().then((account) => console.log(account.cashCredits));"),
    },
)
def read_account(call: Call) -> Reply:
    """Answer with the account."""
    return Reply(200, account_object(call.caller.account))


def account_object(account: Account) -> dict[str, Any]:
    """Return the account as the API shows it: these keys and no others."""
    money = _money_reader()(account)
    return {
        "account_type": account.kind,
        "address": account.address,
        "auth_id": account.auth_id,
        "auto_recharge": money.auto_recharge,
        "billing_mode": account.billing_mode,
        "cash_credits": f"{money.balance:.5f}",
        "city": account.city,
        "name": account.name,
        "resource_uri": f"/v1/Account/{account.auth_id}/",
        "state": account.region,
        "timezone": account.time_zone,
    }


@cache
def _money_reader() -> Any:
    return import_string(settings.MONEY_READER)


@operation(
    "POST",
    summary="Change the account",
    status=202,
    answer=_CHANGED,
    fields=_FIELDS,
    main_only=True,
    area=ApiArea.ACCOUNT,
    right=Permission.COMPANY_MANAGE,
    samples={
        "python": python('client.account.update(name="Halyard Logistics", city="Rotterdam")'),
        "javascript": node('client.accounts.update({ name: "Halyard Logistics", city: "Rotterdam" });'),
    },
)
def change_account(call: Call) -> Reply:
    """Change what was given; null and missing fields stay as they are."""
    given = dict(call.arguments)
    if not given:
        names = ", ".join(each.name for each in _FIELDS)
        raise ApiError(f"give at least one of {names}", code="missing")
    if "timezone" in given and given["timezone"] not in _zones():
        raise ApiError("timezone must be an IANA name such as Asia/Kolkata", code="unknown_timezone")
    profile.update_company(
        actor=call.caller.actor,
        name=given.get("name"),
        address=given.get("address"),
        city=given.get("city"),
        region=given.get("state"),
        time_zone=given.get("timezone"),
    )
    return Reply(202, {"message": "changed"})


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


account = resource("/v1/Account/{auth_id}/", read_account, change_account)
urlpatterns = [api_route(account, name="api_account")]
