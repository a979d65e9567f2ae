"""Serve the search of free numbers over the HTTP API, and renting one."""

import re
from typing import Any

from console.core.api import Call, Reply, api_route, operation, refusal, resource
from console.core.api_fields import ApiError, Choice, Text, Words
from console.core.api_lists import PAGE_FIELDS, list_reply, list_schema
from console.core.api_samples import node, python
from console.core.permissions import ApiArea, Permission
from subaccounts.api.number_shapes import COUNTRY, FREE_NUMBER, free_object
from subaccounts.api.numbers import number_in
from subaccounts.models import NumberType
from subaccounts.queries import numbers as queries
from subaccounts.services import numbers as services

_SAMPLE = "12125550100"
_ACCESS: dict[str, Any] = {"area": ApiArea.NUMBER, "right": Permission.RESOURCE_MANAGE}
_PATH = "/v1/Account/{auth_id}/PhoneNumber/"
_RENTED = {
    "properties": {
        "message": {"const": "created", "description": "What happened."},
        "numbers": {
            "type": "array",
            "description": "The number that was rented.",
            "items": {
                "type": "object",
                "properties": {
                    "number": {"type": "string", "description": "The number."},
                    "status": {"const": "Success", "description": "How it went."},
                },
                "required": ["number", "status"],
                "additionalProperties": False,
            },
        },
        "status": {"const": "fulfilled", "description": "How the order stands."},
    }
}


@operation(
    "GET",
    summary="Search free numbers",
    status=200,
    answer=list_schema(FREE_NUMBER),
    fields=(
        COUNTRY,
        Choice("type", tuple(NumberType.values), "Those of this type alone."),
        Text("pattern", 15, "First digits after the country code.", "212"),
        Text("region", 80, "City or region, from its first letter on.", "New York"),
        Words("services", ("voice", "sms", "mms"), "Those that can do all of this."),
        *PAGE_FIELDS,
    ),
    samples={
        "python": python('for number in client.numbers.search("US", pattern="212"):\n    print(number)'),
        "javascript": node(
            'client.numbers.search("US", { pattern: "212" }).then((found) => console.log(found));'
        ),
    },
    **_ACCESS,
)
def search_numbers(call: Call) -> Reply:
    """Answer with numbers that can be rented, in their order."""
    given, caller = call.arguments, call.caller.auth_id
    if not re.fullmatch(r"[A-Z]{2}", given["country_iso"]):
        raise ApiError("country_iso must be two capitals such as US", code="wrong_country")
    pattern = given.get("pattern", "")
    if not re.fullmatch(r"[0-9]*", pattern):
        raise ApiError("pattern must be digits", code="wrong_type")
    rows = queries.free_numbers(
        country=given["country_iso"],
        number_type=given.get("type", ""),
        area=pattern or given.get("region", ""),
        services=given.get("services", ()),
        now=call.now,
    )
    path = f"/v1/Account/{caller}/PhoneNumber/"
    return list_reply(call, rows, lambda row: free_object(row, caller=caller), path=path)


@operation(
    "POST",
    summary="Rent a number",
    status=201,
    answer=_RENTED,
    fields=(
        Text("app_id", 17, "Application that answers it; else the default one.", "20468599130939380"),
        Text("subaccount", 20, "Auth ID of its owner; the main account alone names one."),
    ),
    samples={
        "python": python(f'client.numbers.buy("{_SAMPLE}")'),
        "javascript": node(f'client.numbers.buy("{_SAMPLE}");'),
    },
    **_ACCESS,
)
def rent_number(call: Call) -> Reply:
    """Rent the number, paid for a month; a call that is repeated charges nothing more."""
    given = call.arguments
    try:
        rented = services.rent_number(
            actor=call.caller.actor,
            number=number_in(call),
            subaccount_id=given.get("subaccount", ""),
            app_id=given.get("app_id", ""),
            now=call.now,
        )
    except services.NumberTaken as error:
        raise refusal(404) from error
    numbers = [{"number": rented.number.number, "status": "Success"}]
    return Reply(201, {"message": "created", "numbers": numbers, "status": "fulfilled"})


search = resource(_PATH, search_numbers, is_collection=True)
free_number = resource(_PATH + "{number}/", rent_number)
urlpatterns = [
    api_route(search, name="api_free_number_list"),
    api_route(free_number, name="api_free_number"),
]
