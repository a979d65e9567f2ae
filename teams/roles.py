"""State the five roles and what each may do: the one source of the role matrix."""

from collections.abc import Mapping

from django.db import models

from console.core.permissions import Gate, Permission

P = Permission


class Role(models.TextChoices):
    """A member's role in an account."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    DEVELOPER = "developer", "Developer"
    SUPPORT = "support", "Support"
    ANALYST = "analyst", "Financial Analyst"


_EVERYONE = frozenset({P.OVERVIEW_VIEW, P.PRICING_VIEW, P.TICKET_OWN, P.SELF_MANAGE})
_ADMIN = frozenset(Permission)

RIGHTS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: _ADMIN,
    Role.ADMIN: _ADMIN,
    Role.DEVELOPER: _EVERYONE
    | {P.USAGE_VIEW, P.RESOURCE_MANAGE, P.SUBACCOUNT_VIEW, P.CREDENTIAL_VIEW, P.CREDENTIAL_OWN},
    Role.SUPPORT: _EVERYONE | {P.USAGE_VIEW},
    Role.ANALYST: _EVERYONE | {P.BILLING_MANAGE, P.COMPANY_VIEW},
}

HINTS: Mapping[Role, str] = {
    Role.OWNER: "Set at sign-up. Everything.",
    Role.ADMIN: "Everything but the owner's place.",
    Role.DEVELOPER: "Applications, numbers, own tokens. Sees usage. No money.",
    Role.SUPPORT: "Sees usage. Opens tickets.",
    Role.ANALYST: "Billing, payments, invoices, alerts.",
}

# What a page says of an area: the rights that manage it and, where there is one, the right that reads it.
MANAGE, OWN, READ, NOTHING = "Manage", "Own", "Read", "Nothing"
_AREAS: tuple[tuple[str, tuple[tuple[str, tuple[tuple[Permission, str], ...]], ...]], ...] = (
    (
        "Service",
        (
            ("Overview", ((P.OVERVIEW_VIEW, MANAGE),)),
            ("Usage logs and charts", ((P.USAGE_MANAGE, MANAGE), (P.USAGE_VIEW, READ))),
            ("Applications, numbers, endpoints, sender IDs", ((P.RESOURCE_MANAGE, MANAGE),)),
            ("Pricing", ((P.PRICING_VIEW, READ),)),
            ("Subaccounts", ((P.SUBACCOUNT_MANAGE, MANAGE), (P.SUBACCOUNT_VIEW, READ))),
        ),
    ),
    (
        "Access",
        (
            ("Auth ID and own named tokens", ((P.CREDENTIAL_OWN, MANAGE), (P.CREDENTIAL_VIEW, READ))),
            ("Any token", ((P.CREDENTIAL_MANAGE, MANAGE),)),
            ("IP allowlist", ((P.ALLOWLIST_MANAGE, MANAGE),)),
            ("Team", ((P.TEAM_MANAGE, MANAGE),)),
            ("Single sign-on", ((P.SSO_MANAGE, MANAGE),)),
            ("Security policy", ((P.SECURITY_MANAGE, MANAGE),)),
            ("Audit log", ((P.AUDIT_VIEW, MANAGE),)),
            ("Own profile, password, second factors, sessions", ((P.SELF_MANAGE, MANAGE),)),
        ),
    ),
    (
        "Money and company",
        (
            ("Billing, payments, invoices, refunds, balance alerts", ((P.BILLING_MANAGE, MANAGE),)),
            (
                "Company profile, service address, time zone",
                ((P.COMPANY_MANAGE, MANAGE), (P.COMPANY_VIEW, READ)),
            ),
            ("Support tickets", ((P.TICKET_MANAGE, MANAGE), (P.TICKET_OWN, OWN))),
            ("Close account", ((P.ACCOUNT_CLOSE, MANAGE),)),
        ),
    ),
)


def level_of(role: Role, steps: tuple[tuple[Permission, str], ...]) -> str:
    """Return the strongest word that the role's rights reach."""
    return next((word for right, word in steps if right in RIGHTS[role]), NOTHING)


def matrix() -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Return areas by group with a word for each role, read from the rights that the server enforces."""
    return [
        (heading, [(area, [level_of(role, steps) for role in Role]) for area, steps in areas])
        for heading, areas in _AREAS
    ]


def area_of(right: Permission | Gate) -> str:
    """Return what the table calls the area that the right opens."""
    rows = (row for _, areas in _AREAS for row in areas)
    return next((area for area, steps in rows if right in {step for step, _ in steps}), "")


def covered_rights() -> set[Permission]:
    """Return the rights of which the matrix speaks."""
    return {right for _, areas in _AREAS for _, steps in areas for right, _ in steps}


def names_with(right: Permission | Gate) -> list[str]:
    """Return the names of the roles that hold the right, strongest first."""
    return [role.label for role in Role if right in RIGHTS[role]]


def rights_of(role: str) -> frozenset[Permission]:
    """Return the rights of a role by its stored name; an unknown one has none."""
    return RIGHTS.get(Role(role), frozenset()) if role in Role.values else frozenset()
