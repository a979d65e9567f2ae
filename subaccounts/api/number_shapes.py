"""Write numbers as the HTTP API shows them: these keys and no others."""

from typing import Any

from console.core.api_fields import Field, Text
from subaccounts.models import InventoryNumber, Number, NumberType
from subaccounts.queries.countries import country_name, dial_code

_RATE = {"type": "string", "pattern": r"^\d+\.\d{5}$", "examples": ["0.80000"]}
_NEVER = {"type": "null", "description": "Always null here."}


def _text(words: str) -> dict[str, Any]:
    return {"type": "string", "description": words}


def _maybe(words: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": words}


def _flag(words: str) -> dict[str, Any]:
    return {"type": "boolean", "description": words}


def _rate(words: str) -> dict[str, Any]:
    return _RATE | {"description": words}


_CAN: dict[str, Any] = {
    "mms_enabled": _flag("Whether it takes picture messages."),
    "mms_rate": _rate("US dollars for each picture message to it."),
    "monthly_rental_rate": _rate("US dollars a month."),
    "sms_enabled": _flag("Whether it takes texts."),
    "sms_rate": _rate("US dollars for each text to it."),
    "voice_enabled": _flag("Whether it takes calls."),
    "voice_rate": _rate("US dollars for each minute of a call to it."),
}
_PLACE: dict[str, Any] = {
    "city": _text("Where it is from; empty when the whole country."),
    "country": _text("Name of its country."),
    "number": _text("The number in E.164 form, without plus."),
    "region": _text("State or region, and country."),
}
_TYPE = {"enum": list(NumberType.values), "description": "What kind of number it is."}
NUMBER: dict[str, Any] = {
    "active": _flag("Always true: a number that was given back is not listed."),
    "added_on": _text("The day it was rented."),
    "alias": _maybe("What people know it by."),
    "application": _maybe("Path of the application that answers it."),
    "carrier": _text("Who carries it."),
    "cnam_lookup": {"enum": ["disabled", "enabled"], "description": "Whether callers' names are looked up."},
    "compliance_application_id": _NEVER,
    "compliance_status": _NEVER,
    "number_type": _TYPE,
    "renewal_date": _text("The day on which the next month is paid."),
    "resource_uri": _text("Path of the number."),
    "sub_account": _maybe("Auth ID of its subaccount; null is the account."),
    "sub_account_name": _maybe("Name of its subaccount."),
    "tendlc_campaign_id": _NEVER,
    "tendlc_registration_status": _NEVER,
    "toll_free_sms_verification": _NEVER,
    **_PLACE,
    **_CAN,
}
FREE_NUMBER: dict[str, Any] = {
    "prefix": _text("The digits of its country."),
    "resource_uri": _text("Path to rent it."),
    "setup_rate": _rate("US dollars once, when it is rented."),
    "type": _TYPE,
    **_PLACE,
    **_CAN,
}
COUNTRY: Field = Text(
    "country_iso", 2, "Country, as two capitals (ISO 3166-1).", "US", required=True, least=2
)


def number_object(row: Number, *, caller: str) -> dict[str, Any]:
    """Return a rented number for the caller with this Auth ID."""
    app, owner = row.application, row.subaccount
    return {
        "active": True,
        "added_on": row.rented_on.isoformat(),
        "alias": row.alias or None,
        "application": f"/v1/Account/{caller}/Application/{app.app_id}/" if app else None,
        "carrier": row.inventory.carrier,
        "cnam_lookup": "enabled" if row.cnam_lookup else "disabled",
        "compliance_application_id": None,
        "compliance_status": None,
        "number_type": row.inventory.number_type,
        "renewal_date": row.renewal_date.isoformat(),
        "resource_uri": f"/v1/Account/{caller}/Number/{row.number}/",
        "sub_account": owner.auth_id if owner else None,
        "sub_account_name": owner.name if owner else None,
        "tendlc_campaign_id": None,
        "tendlc_registration_status": None,
        "toll_free_sms_verification": None,
        **_place(row.inventory),
        **_can(row.inventory),
        "monthly_rental_rate": f"{row.monthly_amount:.5f}",
    }


def free_object(stock: InventoryNumber, *, caller: str) -> dict[str, Any]:
    """Return a free number for the caller with this Auth ID."""
    return {
        "prefix": dial_code(stock.country_iso),
        "resource_uri": f"/v1/Account/{caller}/PhoneNumber/{stock.number}/",
        "setup_rate": f"{stock.setup_amount:.5f}",
        "type": stock.number_type,
        **_place(stock),
        **_can(stock),
    }


def _place(stock: InventoryNumber) -> dict[str, Any]:
    country = country_name(stock.country_iso)
    return {
        "city": stock.city,
        "country": country,
        "number": stock.number,
        "region": ", ".join(filter(None, (stock.region, country.upper()))),
    }


def _can(stock: InventoryNumber) -> dict[str, Any]:
    return {
        "mms_enabled": stock.has_mms,
        "mms_rate": f"{stock.mms_rate:.5f}",
        "monthly_rental_rate": f"{stock.monthly_amount:.5f}",
        "sms_enabled": stock.has_sms,
        "sms_rate": f"{stock.sms_rate:.5f}",
        "voice_enabled": stock.has_voice,
        "voice_rate": f"{stock.voice_rate:.5f}",
    }
