"""State every right that exists: the closed list of permissions and of gates."""

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
