"""Let the demo's first account have tested Okta, one step before single sign-on is turned on."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from console.core.access import Actor
from console.core.events import EventKind
from console.demo.diary import note
from security.models import SsoCertificate, SsoConnection, SsoDomain, SsoGroupRole, SsoTest
from security.services.sso_certificates import fingerprint_of
from security.sso.keys import make_key_pair
from teams.roles import Role

_PROVED, _WAITING = "halyard.example", "halyard-eu.example"
_LEFT = timedelta(days=23, hours=6)
_GROUPS = (("pb-dev", Role.DEVELOPER), ("pb-finance", Role.ANALYST))


def try_okta(company: dict[str, Any], *, now: datetime) -> None:
    """Set single sign-on up three weeks ago; the admin tested it today, and its certificate ends soon.

    It stays off, so that everybody of the demo signs in with a password.
    """
    account, actor = company["account"], company["actor"]
    admin = next(member["user"] for member in company["members"] if member["role"] == Role.ADMIN)
    began_at = now - timedelta(days=21)
    connection = _connection(company, began_at)
    _certificate(connection, now)
    for group, role in _GROUPS:
        SsoGroupRole.objects.create(connection=connection, group=group, role=role)
    _domains(company, began_at, now)
    test = SsoTest.objects.create(
        connection=connection,
        user=admin,
        at=now - timedelta(hours=3),
        is_good=True,
        report=_report(admin.email),
    )
    note(EventKind.SSO_CONNECTION_MADE, actor=actor, target=connection, at=began_at, provider="okta")
    tester = Actor(user=admin, account=account)
    note(EventKind.SSO_TESTED, actor=tester, target=connection, at=test.at, is_good=True)


def _connection(company: dict[str, Any], began_at: datetime) -> SsoConnection:
    key, certificate = make_key_pair(name=f"Patchbay {company['account'].auth_id}", now=began_at)
    connection = SsoConnection(
        account=company["account"],
        provider=SsoConnection.Provider.OKTA,
        state=SsoConnection.State.TESTED,
        entity_id="http://www.okta.com/exk4f1c9a7be2d04b53",
        sso_url="https://halyard.okta.example/app/patchbay/exk4f1c9a7be2d04b53/sso/saml",
        email_attribute="email",
        first_name_attribute="firstName",
        last_name_attribute="lastName",
        groups_attribute="groups",
        default_role=Role.SUPPORT,
        is_two_factor=True,
        certificate=certificate,
        certificate_ends_at=began_at + timedelta(days=3650),
        made_by=company["actor"].user,
        made_at=began_at,
        changed_at=began_at,
    )
    connection.put_key(key)
    connection.save()
    return connection


def _certificate(connection: SsoConnection, now: datetime) -> None:
    """Give the provider a certificate that ends in three weeks."""
    made_at = now + _LEFT - timedelta(days=3650)
    _, pem = make_key_pair(name="Okta", now=made_at)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    SsoCertificate.objects.create(
        connection=connection,
        place=1,
        pem=pem,
        fingerprint=fingerprint_of(certificate),
        not_after=certificate.not_valid_after_utc,
        added_at=connection.made_at,
    )


def _domains(company: dict[str, Any], began_at: datetime, now: datetime) -> None:
    proved_at = began_at + timedelta(minutes=40)
    proved, waiting = (
        SsoDomain.objects.create(
            account=company["account"], domain=name, challenge=value, added_by=company["actor"].user, **more
        )
        for name, value, more in (
            (_PROVED, secrets.token_hex(16), {"verified_at": proved_at, "added_at": began_at}),
            (
                _WAITING,
                secrets.token_hex(16),
                {
                    "added_at": now - timedelta(hours=2),
                    "checked_at": now - timedelta(minutes=4),
                    "watched_until": now + timedelta(hours=70),
                    "last_error": "No such record yet. DNS can take an hour.",
                },
            ),
        )
    )
    actor = company["actor"]
    note(EventKind.SSO_DOMAIN_ADDED, actor=actor, target=proved, at=began_at)
    note(EventKind.SSO_DOMAIN_VERIFIED, actor=actor, target=proved, at=proved_at)
    note(EventKind.SSO_DOMAIN_ADDED, actor=actor, target=waiting, at=waiting.added_at)


def _report(email: str) -> dict[str, Any]:
    return {
        "reason": "",
        "facts": [
            ["Issuer", "http://www.okta.com/exk4f1c9a7be2d04b53"],
            ["NameID", email],
            ["NameID format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"],
            ["How", "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"],
            ["Counts as", "both factors"],
        ],
        "attributes": [
            {"name": "email", "values": [email]},
            {"name": "firstName", "values": ["Tomas"]},
            {"name": "lastName", "values": ["Lindqvist"]},
            {"name": "groups", "values": ["pb-dev", "everyone"]},
        ],
        "matched": [
            ["Email", email],
            ["Name", "Tomas Lindqvist"],
            ["Role of new members", "Developer, by group"],
        ],
        "missing": [],
    }
