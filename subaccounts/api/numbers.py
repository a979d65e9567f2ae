"""Serve rented numbers over the HTTP API."""

import re
from typing import Any

from django.db.models import Q, QuerySet

from accounts.names import clean_name
from console.core.api import Call, Reply, api_route, operation, refusal, resource
from console.core.api_fields import ApiError, Choice, Day, Field, Text, Words
from console.core.api_lists import PAGE_FIELDS, list_reply, list_schema
from console.core.api_samples import node, python
from console.core.permissions import ApiArea, Permission
from subaccounts.api.number_shapes import NUMBER, number_object
from subaccounts.models import Number, NumberType
from subaccounts.queries import numbers as queries
from subaccounts.services import numbers as services

_SAMPLE = "12125550100"
_LOOK_UPS = ("disabled", "enabled")
_DATES = ("renewal_date", *(f"renewal_date__{how}" for how in ("gt", "gte", "lt", "lte")))
# Campaigns and verifications are the carriers' own: no number here has one, so these find nothing.
_NEVER = (
    "tendlc_registration_status",
    "tendlc_campaign_id",
    "toll_free_sms_verification",
    "toll_free_sms_verification_order_status",
)
_FILTERS: tuple[Field, ...] = (
    Choice("type", tuple(NumberType.values), "Those of this type alone."),
    Text("number_startswith", 15, "Those that begin with these digits, country code first.", "1212"),
    Text("subaccount", 20, "Those of this subaccount alone."),
    Text("alias", 100, "Those with exactly this alias.", "Front desk"),
    Words("services", ("voice", "sms", "mms"), "Those that can do all of this."),
    Choice("cnam_lookup", _LOOK_UPS, "Those that look callers' names up, or do not."),
    *(Day(name, "Those that are renewed then.") for name in _DATES),
    *(Text(name, 100, "No number has one: nothing is found.") for name in _NEVER),
)
_ACCESS: dict[str, Any] = {"area": ApiArea.NUMBER, "right": Permission.RESOURCE_MANAGE}
_CHANGED = {"properties": {"message": {"const": "changed", "description": "What happened."}}}
_PATH = "/v1/Account/{auth_id}/Number/"


@operation(
    "GET",
    summary="List rented numbers",
    status=200,
    answer=list_schema(NUMBER),
    fields=(*_FILTERS, *PAGE_FIELDS),
    samples={
        "python": python(
            'for number in client.numbers.list(services=("voice",), limit=5).objects:\n    print(number.number)'
        ),
        "javascript": node('client.numbers.list({ services: "voice" }).then((found) => console.log(found));'),
    },
    **_ACCESS,
)
def list_numbers(call: Call) -> Reply:
    """Answer with the numbers that the caller reaches, newest first."""
    caller = call.caller.auth_id
    rows = _filtered(queries.numbers_of(call.caller.actor), call)
    path = f"/v1/Account/{caller}/Number/"
    return list_reply(call, rows, lambda row: number_object(row, caller=caller), path=path)


def _filtered(rows: QuerySet[Number], call: Call) -> QuerySet[Number]:
    given = call.arguments
    if not given.keys().isdisjoint(_NEVER):
        return rows.none()
    if prefix := given.get("number_startswith"):
        rows = rows.filter(_starts_with(prefix))
    if "subaccount" in given:
        rows = rows.filter(subaccount__auth_id=given["subaccount"])
    if "alias" in given:
        rows = rows.filter(alias=given["alias"])
    if "type" in given:
        rows = rows.filter(inventory__number_type=given["type"])
    if "cnam_lookup" in given:
        rows = rows.filter(cnam_lookup=given["cnam_lookup"] == "enabled")
    rows = rows.filter(**{name: given[name] for name in _DATES if name in given})
    return queries.filter_services(rows, given.get("services", ()), prefix="inventory__")


def _starts_with(prefix: str) -> Q:
    digits = prefix.removeprefix("+")
    if not re.fullmatch(r"[0-9]{1,15}", digits):
        raise ApiError("number_startswith must be digits", code="wrong_type")
    return queries.starts_with(digits)


def number_in(call: Call) -> str:
    """Return the number in the address; what cannot be one names nothing."""
    number = call.parts["number"].removeprefix("+")
    if not re.fullmatch(r"[1-9][0-9]{6,14}", number):
        raise refusal(404)
    return number


@operation(
    "GET",
    summary="Read a rented number",
    status=200,
    answer={"properties": NUMBER},
    samples={
        "python": python(f'print(client.numbers.get("{_SAMPLE}").renewal_date)'),
        "javascript": node(
            f'client.numbers.get("{_SAMPLE}").then((found) => console.log(found.renewalDate));'
        ),
    },
    **_ACCESS,
)
def read_number(call: Call) -> Reply:
    """Answer with the number."""
    found = queries.find_number(call.caller.actor, number_in(call))
    if found is None:
        raise refusal(404)
    return Reply(200, number_object(found, caller=call.caller.auth_id))


@operation(
    "POST",
    summary="Change a rented number",
    status=202,
    answer=_CHANGED,
    fields=(
        Text("app_id", 17, "Application that answers it; empty for none.", "20468599130939380"),
        Text(
            "subaccount",
            20,
            "Auth ID of its new owner; the main account alone moves numbers, empty takes it back.",
        ),
        Text("alias", 100, "What people know it by; empty for nothing.", "Front desk"),
        Choice("cnam_lookup", _LOOK_UPS, "Whether callers' names are looked up."),
    ),
    samples={
        "python": python(f'client.numbers.update("{_SAMPLE}", alias="Front desk")'),
        "javascript": node(f'client.numbers.update("{_SAMPLE}", {{ alias: "Front desk" }});'),
    },
    **_ACCESS,
)
def change_number(call: Call) -> Reply:
    """Change what was given; null and missing fields stay."""
    given, number = call.arguments, number_in(call)
    if queries.find_number(call.caller.actor, number) is None:
        raise refusal(404)
    if "subaccount" in given and not call.caller.is_main:
        raise ApiError("only the main account may move numbers", code="main_account_only", status=403)
    if not given:
        raise ApiError("give at least one thing to change", code="missing")
    try:
        services.change_number(
            actor=call.caller.actor,
            number=number,
            app_id=given.get("app_id"),
            subaccount_id=given.get("subaccount"),
            alias=_alias(given.get("alias")),
            cnam_lookup=given["cnam_lookup"] == "enabled" if "cnam_lookup" in given else None,
            now=call.now,
        )
    except services.NoSuchNumber as error:
        raise refusal(404) from error
    return Reply(202, {"message": "changed"})


def _alias(text: str | None) -> str | None:
    return clean_name(text, limit=100) if text and text.strip() else text and text.strip()


@operation(
    "DELETE",
    summary="Give a rented number back",
    status=204,
    answer={"properties": {}},
    samples={
        "python": python(f'client.numbers.delete("{_SAMPLE}")'),
        "javascript": node(f'client.numbers.unrent("{_SAMPLE}");'),
    },
    **_ACCESS,
)
def release_number(call: Call) -> Reply:
    """Give the number back at once."""
    try:
        services.release_number(actor=call.caller.actor, number=number_in(call), now=call.now)
    except services.NoSuchNumber as error:
        raise refusal(404) from error
    return Reply(204)


number_list = resource(_PATH, list_numbers, is_collection=True)
number = resource(_PATH + "{number}/", read_number, change_number, release_number)
urlpatterns = [
    api_route(number_list, name="api_number_list"),
    api_route(number, name="api_number"),
]
