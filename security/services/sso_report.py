"""Say what an assertion holds and what we make of it: the page of a test shows it, and nothing else keeps it."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts.models import User
from security.models import SsoConnection
from security.services import sso_identity
from security.services.sso_errors import SsoRefused
from security.sso.assertion import Assertion
from teams.roles import Role

# Classes by which providers say that they asked for two factors.
_BOTH = frozenset(
    {
        "https://refeds.org/profile/mfa",
        "http://schemas.microsoft.com/claims/multipleauthn",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered",
    }
)
_METHODS = "http://schemas.microsoft.com/claims/authnmethodsreferences"
_WORDS = {
    "address": "The assertion names no email address that we can use.",
    "domain": "The email address is outside the domains that your account has verified.",
}
_MOST_SHOWN = 50


def proves_both(connection: SsoConnection, assertion: Assertion, *, now: datetime) -> bool:
    """Say whether the sign-in at the provider counts as both factors.

    It does when the account says that its provider enforces both, or the assertion says so itself; never when
    the person signed in there longer ago than a session may last here.
    """
    longest = timedelta(hours=settings.CONSOLE_SESSION_HOURS)
    if assertion.authn_at is None or now - assertion.authn_at > longest:
        return False
    said = {assertion.authn_context, *assertion.attributes.get(_METHODS, ())}
    return connection.is_two_factor or bool(said & _BOTH)


def of_refusal(reason: str) -> dict[str, Any]:
    """Return the report of a message that was refused."""
    return {
        "reason": f"We refused the provider's answer: {reason}.",
        "facts": [],
        "attributes": [],
        "matched": [],
        "missing": [],
    }


def of_assertion(
    connection: SsoConnection, assertion: Assertion, *, tester: User | None, now: datetime
) -> tuple[dict[str, Any], bool]:
    """Return the report of a readable assertion, and whether the person could sign in with it."""
    reason, matched = _match(connection, assertion, tester)
    names = {
        connection.email_attribute,
        connection.first_name_attribute,
        connection.last_name_attribute,
        connection.full_name_attribute,
        connection.groups_attribute,
    }
    report = {
        "reason": reason,
        "facts": _facts(connection, assertion, now),
        "attributes": [
            [name, list(values)] for name, values in list(assertion.attributes.items())[:_MOST_SHOWN]
        ],
        "matched": matched,
        "missing": sorted(name for name in names if name and name not in assertion.attributes),
    }
    return report, not reason


def _match(
    connection: SsoConnection, assertion: Assertion, tester: User | None
) -> tuple[str, list[list[str]]]:
    try:
        profile = sso_identity.read_profile(connection, assertion)
    except SsoRefused as error:
        return _WORDS.get(error.code, error.reason), []
    role = profile.role or Role(connection.default_role)
    matched = [
        ["Email", profile.email.address],
        ["Name", profile.full_name],
        ["Role of new members", f"{role.label}, {'by group' if profile.role else 'the default'}"],
    ]
    if tester is not None and tester.email_key != profile.email.key:
        return f"You are {tester.email} here, and the provider says {profile.email.address}.", matched
    return "", matched


def _facts(connection: SsoConnection, assertion: Assertion, now: datetime) -> list[list[str]]:
    begun = assertion.authn_at
    return [
        ["Issuer", assertion.issuer],
        ["NameID", assertion.name_id],
        ["NameID format", assertion.name_id_format or "not said"],
        ["Signed in there", f"{begun:%-d %b %Y, %H:%M:%S} UTC" if begun else "not said"],
        ["How", assertion.authn_context or "not said"],
        ["Counts as", "both factors" if proves_both(connection, assertion, now=now) else "the password only"],
    ]
