"""Sort the kinds of events into the areas that people know: for filters of the audit log and of webhooks."""

from console.core.events import EventKind

AREAS = {
    "account": "Account",
    "credential": "Auth Tokens and API",
    "named-token": "Auth Tokens and API",
    "token-end": "Auth Tokens and API",
    "token-lifetime": "Auth Tokens and API",
    "api-call": "Auth Tokens and API",
    "allowlist": "IP Whitelisting",
    "allowlist-entry": "IP Whitelisting",
    "lockdown": "Account security",
    "anomaly": "Account security",
    "checkup": "Account security",
    "session-policy": "Account security",
    "factor-policy": "Account security",
    "recovery": "Account security",
    "number": "Numbers and sender IDs",
    "sender-id": "Numbers and sender IDs",
    "trial-credit": "Money",
    "statement": "Money",
    "plan": "Money",
    "balance-alert": "Money",
    "auto-recharge": "Money",
    "card": "Money",
    "recharge": "Money",
    "prices": "Money",
    "price-change": "Money",
    "member": "Team",
    "invitation": "Team",
    "roster": "Team",
    "access-review": "Team",
    "role": "Team",
    "ownership": "Team",
    "application": "Applications and endpoints",
    "applications": "Applications and endpoints",
    "endpoint": "Applications and endpoints",
    "endpoints": "Applications and endpoints",
    "audit-log": "Audit log",
    "webhook": "Webhooks",
    "webhook-delivery": "Webhooks",
    "sso": "Single sign-on",
    "sso-certificate": "Single sign-on",
    "sso-domain": "Single sign-on",
    "usage": "Usage",
    "subaccount": "Subaccounts",
    "subaccount-limit": "Subaccounts",
    "scim-token": "Provisioning",
    "scim-user": "Provisioning",
    "scim-group": "Provisioning",
}
# Events with these names are on the chain of a person, of the staff or of the whole console.
ELSEWHERE = frozenset(
    [
        "user",
        "sign-up",
        "activation",
        "email",
        "phone",
        "phone-code",
        "phone-change",
        "sign-in",
        "second-factor",
        "device",
        "session",
        "sessions",
        "password-reset",
        "password",
        "profile",
        "factor",
        "recovery-codes",
        "recovery-code",
        "step-up",
        "passkey",
        "mail-code",
        "reverify",
        "staff",
        "inventory",
        "staff-rule",
    ]
)


def area_of(kind: str) -> str:
    """Return the area of a kind, or nothing when no account's log holds it."""
    name = kind.partition(":")[0]
    return "" if name in ELSEWHERE else AREAS.get(name, "Other")


def areas() -> list[str]:
    """Return the areas in which an account's log can hold events, by name."""
    return sorted({area for kind in EventKind if (area := area_of(kind))})
