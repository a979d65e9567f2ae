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


def names_with(right: Permission | Gate) -> list[str]:
    """Return the names of the roles that hold the right, strongest first."""
    return [role.label for role in Role if right in RIGHTS[role]]
