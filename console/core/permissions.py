"""State every right that exists: the closed list of permissions, of gates and of the API's areas."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """A right inside an account, written ``thing:deed``."""

    OVERVIEW_VIEW = "overview:view"
    USAGE_VIEW = "usage:view"
    USAGE_MANAGE = "usage:manage"
    RESOURCE_MANAGE = "resource:manage"
    SUBACCOUNT_VIEW = "subaccount:view"
    SUBACCOUNT_MANAGE = "subaccount:manage"
    CREDENTIAL_VIEW = "credential:view"
    CREDENTIAL_OWN = "credential:own"
    CREDENTIAL_MANAGE = "credential:manage"
    ALLOWLIST_MANAGE = "allowlist:manage"
    BILLING_MANAGE = "billing:manage"
    PRICING_VIEW = "pricing:view"
    TEAM_MANAGE = "team:manage"
    SSO_MANAGE = "sso:manage"
    SECURITY_MANAGE = "security:manage"
    AUDIT_VIEW = "audit:view"
    COMPANY_VIEW = "company:view"
    COMPANY_MANAGE = "company:manage"
    ACCOUNT_CLOSE = "account:close"
    TICKET_OWN = "ticket:own"
    TICKET_MANAGE = "ticket:manage"
    SELF_MANAGE = "self:manage"


GUARDED = frozenset(
    {
        Permission.CREDENTIAL_OWN,
        Permission.CREDENTIAL_MANAGE,
        Permission.ALLOWLIST_MANAGE,
        Permission.BILLING_MANAGE,
        Permission.ACCOUNT_CLOSE,
    }
)
"""Rights to money, credentials and closing: a second factor that is new does not confirm their acts."""


class Gate(StrEnum):
    """A way in that needs no right inside an account."""

    PUBLIC = "public"
    """Anybody, signed in or not."""

    SIGNING_IN = "signing-in"
    """Somebody whose password is proved and whose sign-in is not finished."""

    SIGNED_IN = "signed-in"
    """A person with a finished sign-in, in no particular account."""

    STAFF = "staff"
    """Operations people of the provider."""

    MACHINE = "machine"
    """A caller that the view authenticates by itself: the HTTP API."""


class ApiArea(StrEnum):
    """A part of the HTTP API that a named token may be limited to."""

    ACCOUNT = "account"
    PRICING = "pricing"
    ENDPOINT = "endpoint"
    APPLICATION = "application"
    SUBACCOUNT = "subaccount"
    NUMBER = "number"


AREA_NAMES: Mapping[ApiArea, str] = {
    ApiArea.ACCOUNT: "Account",
    ApiArea.PRICING: "Pricing",
    ApiArea.ENDPOINT: "Endpoints",
    ApiArea.APPLICATION: "Applications",
    ApiArea.SUBACCOUNT: "Subaccounts",
    ApiArea.NUMBER: "Number",
}
READ_ALL = "read"
"""The permission of a token that reads in every area and changes nothing."""

_RESOURCE = frozenset({Permission.RESOURCE_MANAGE})
AREA_RIGHTS: Mapping[ApiArea, tuple[frozenset[Permission], frozenset[Permission]]] = {
    ApiArea.ACCOUNT: (
        frozenset({Permission.COMPANY_VIEW}),
        frozenset({Permission.COMPANY_VIEW, Permission.COMPANY_MANAGE}),
    ),
    ApiArea.PRICING: (frozenset({Permission.PRICING_VIEW}), frozenset({Permission.PRICING_VIEW})),
    ApiArea.SUBACCOUNT: (
        frozenset({Permission.SUBACCOUNT_VIEW}),
        frozenset({Permission.SUBACCOUNT_VIEW, Permission.SUBACCOUNT_MANAGE}),
    ),
    ApiArea.APPLICATION: (_RESOURCE, _RESOURCE),
    ApiArea.ENDPOINT: (_RESOURCE, _RESOURCE),
    ApiArea.NUMBER: (frozenset({Permission.RESOURCE_MANAGE}), frozenset({Permission.RESOURCE_MANAGE})),
}
"""What a token needs of its maker's role to read in an area, and to change something there."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a named token may do: ``read``, or for each area ``area:read`` or ``area:write``."""

    permissions: frozenset[str]

    @property
    def rights(self) -> frozenset[Permission]:
        """Return the rights that the permissions need: no others are ever used."""
        found: set[Permission] = set()
        for area, (reading, writing) in AREA_RIGHTS.items():
            if self.allows(area, is_reading=False):
                found |= writing
            elif self.allows(area, is_reading=True):
                found |= reading
        return frozenset(found)

    def allows(self, area: ApiArea | None, *, is_reading: bool) -> bool:
        """Say whether an operation of the area may run; one without an area never does."""
        if area is None:
            return False
        wanted = {f"{area}:write"} | ({f"{area}:read", READ_ALL} if is_reading else set())
        return not wanted.isdisjoint(self.permissions)


def grantable(rights: frozenset[Permission]) -> dict[str, str]:
    """Return what somebody with these rights may give a token: permission and words for it."""
    found = {READ_ALL: "Read everything"}
    for area, (reading, writing) in AREA_RIGHTS.items():
        if reading <= rights:
            found[f"{area}:read"] = f"{AREA_NAMES[area]}: read"
        if writing <= rights:
            found[f"{area}:write"] = f"{AREA_NAMES[area]}: read and change"
    return found
