"""Serve prices over the HTTP API."""

import re
from typing import Any

from billing.countries import countries
from billing.queries.price_sheets import api_object
from billing.queries.prices import book_of, version_of
from console.core.api import Call, Reply, api_route, operation, refusal, resource
from console.core.api_fields import ApiError, Text
from console.core.api_samples import node, python
from console.core.permissions import ApiArea, Permission

_CODE = re.compile(r"[A-Z]{2}")
_MOST_KEPT = 300
_kept: dict[tuple[Any, ...], dict[str, Any]] = {}


def _priced(words: str) -> dict[str, Any]:
    rate = {
        "type": ["string", "null"],
        "pattern": r"^\d+\.\d{5}$",
        "description": "US dollars, with five decimals; null where the service is not offered.",
        "examples": ["0.01200"],
    }
    return {"type": "object", "description": words, "properties": {"rate": rate}, "required": ["rate"]}


def _parts(words: str, **parts: Any) -> dict[str, Any]:
    return {"type": "object", "description": words, "properties": parts}


_PREFIXES = {
    "type": "array",
    "description": "Prices by prefix, dial code in front; the longest that a number begins with counts.",
    "items": _priced("One price with the prefixes it is for.")
    | {
        "properties": {
            "prefix": {"type": "array", "items": {"type": "string", "pattern": r"^\d+$"}, "minItems": 1},
            "rate": {"type": "string", "pattern": r"^\d+\.\d{5}$"},
        },
        "required": ["prefix", "rate"],
    },
}
_NETWORKS = {
    "type": "array",
    "description": "Prices of single networks.",
    "items": {
        "type": "object",
        "properties": {"group_name": {"type": "string"}, "rate": {"type": "string"}},
        "required": ["group_name", "rate"],
    },
}
_ENDS = {
    kind: _priced(f"Calls with a number of the type {kind}.")
    for kind in ("local", "mobile", "national", "tollfree")
} | {"ip": _priced("Calls between SIP endpoints.")}
_OUT = {kind: _ENDS[kind] for kind in ("ip", "local", "tollfree")}
_ANSWER = {
    "properties": {
        "country": {"type": "string", "description": "Name of the country."},
        "country_code": {"type": "integer", "description": "Dial code."},
        "country_iso": {"type": "string", "description": "Code of the country, ISO 3166-1."},
        "message": _parts(
            "Messages, for each segment.",
            inbound=_priced("Received."),
            outbound=_priced("Sent to a network without a price of its own."),
            outbound_networks_list=_NETWORKS,
        ),
        "phone_numbers": {
            "type": "object",
            "description": "Numbers, for each month, by type: local, mobile, national, tollfree.",
            "additionalProperties": _priced("A number of this type."),
        },
        "voice": _parts(
            "Calls, for each started minute.",
            inbound=_parts("Received.", **_ENDS),
            outbound=_parts("Made.", **_OUT, rates=_PREFIXES),
        ),
    }
}


@operation(
    "GET",
    summary="Read the prices of a country",
    status=200,
    answer=_ANSWER,
    fields=(
        Text("country_iso", 2, "Code of the country, ISO 3166-1 alpha-2.", "US", required=True, least=2),
    ),
    may_miss=True,
    area=ApiArea.PRICING,
    right=Permission.PRICING_VIEW,
    samples={
        "python": python('print(client.pricing.get("US").voice.outbound.local.rate)'),
        "javascript": node('client.pricings.get("US").then((prices) => console.log(prices.voice));'),
    },
)
def read_prices(call: Call) -> Reply:
    """Answer with what counts now for the account, its contract rates included."""
    iso = call.arguments["country_iso"]
    if not _CODE.fullmatch(iso):
        raise ApiError("country_iso must be two capital letters", code="bad_country")
    country = countries().get(iso)
    if country is None:
        raise refusal(404)
    account = call.caller.account
    version = version_of(account, at=call.now)
    key = (iso, account.pk if version.has_contract else None, version)
    if key not in _kept:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = api_object(book_of(account, country, at=call.now))
    return Reply(200, _kept[key])


prices = resource("/v1/Account/{auth_id}/Pricing/", read_prices)
urlpatterns = [api_route(prices, name="api_prices")]
