"""What the tests of the settings of single sign-on share."""

import base64
from datetime import timedelta
from types import SimpleNamespace

import dns.exception
import dns.resolver
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.urls import reverse
from django.utils import timezone

from console.core.access import Actor
from console.core.requests import Origin
from security.models import SsoDomain, SsoRequest
from security.services import sso_certificates, sso_domains, sso_setup, sso_switch, sso_tests
from teams.roles import RIGHTS, Role

ENTITY = "https://idp.halyard.example/saml"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(days=365, now=None):
    """Return a provider's certificate that ends after so many days."""
    now = now or timezone.now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=900))
        .not_valid_after(now + timedelta(days=days))
        .sign(_KEY, hashes.SHA256())
    )


def pem(one):
    """Return the certificate as people paste it."""
    return one.public_bytes(Encoding.PEM).decode()


def metadata(*certificates, entity=ENTITY, sso="https://idp.halyard.example/sso"):
    """Return a provider's metadata."""
    keys = "".join(
        "<md:KeyDescriptor use='signing'><ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
        + base64.b64encode(one.public_bytes(Encoding.DER)).decode()
        + "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for one in certificates
    )
    return (
        "<md:EntityDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata' "
        f"xmlns:ds='http://www.w3.org/2000/09/xmldsig#' entityID='{entity}'>"
        "<md:IDPSSODescriptor protocolSupportEnumeration='urn:oasis:names:tc:SAML:2.0:protocol'>"
        f"{keys}<md:SingleSignOnService Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect' "
        f"Location='{sso}'/></md:IDPSSODescriptor></md:EntityDescriptor>"
    ).encode()


def actor_of(cast, role=Role.OWNER):
    """Return a member of the account who acts."""
    user = getattr(cast, str(role))
    return Actor(user=user, account=cast.account, rights=RIGHTS[role], origin=Origin(ip="192.0.2.1"))


def page(name, cast, **more):
    """Return the address of a page of the account."""
    return reverse(f"security:{name}", kwargs={"account": cast.account.auth_id, **more})


def choose(cast, provider="okta", now=None):
    """Choose a provider, and return the connection."""
    return sso_setup.choose_provider(actor=actor_of(cast), provider=provider, now=now or timezone.now())


def facts(*certificates, entity=ENTITY, url=""):
    """Return a provider's facts."""
    return sso_setup.ProviderFacts(entity, "https://idp.halyard.example/sso", "", certificates, url)


def connect(cast, *certificates, now=None, url=""):
    """Choose a provider, and say where it is."""
    now = now or timezone.now()
    choose(cast, now=now)
    given = facts(*(certificates or [certificate(now=now)]), url=url)
    return sso_setup.put_facts(actor=actor_of(cast), facts=given, now=now)


def prove(account, domain="halyard.example", now=None):
    """Let the account have proved a domain."""
    now = now or timezone.now()
    return SsoDomain.objects.create(account=account, domain=domain, challenge="a" * 32, verified_at=now)


def put_test(connection, user, now=None, is_good=True, report=None):
    """Let somebody have tested the connection."""
    now = now or timezone.now()
    request = SsoRequest.objects.create(
        connection=connection, request_id=f"id-{user.pk}-{now.timestamp()}", purpose="test", browser=b"x" * 32,
        user=user, made_at=now, expires_at=now + timedelta(minutes=10),
    )  # fmt: skip
    return sso_tests.store_test(asked=request, report=report or {}, is_good=is_good, now=now)


def turn_on(cast, *certificates, now=None):
    """Bring the account's single sign-on to where it is on."""
    now = now or timezone.now()
    connection = connect(cast, *certificates, now=now)
    prove(cast.account, now=now)
    put_test(connection, cast.owner, now=now)
    return sso_switch.turn_on(actor=actor_of(cast), now=now)


class Dns:
    """A resolver that knows some TXT records."""

    def __init__(self, records=None, fault=None):
        self.records, self.fault, self.asked = records or {}, fault, []

    def resolve(self, name, kind, lifetime):
        """Answer like a resolver."""
        self.asked.append((name, kind))
        if self.fault:
            raise self.fault
        if name not in self.records:
            raise dns.resolver.NXDOMAIN
        return [SimpleNamespace(strings=tuple(text.encode() for text in self.records[name]))]


def right_dns(row):
    """Return a resolver that knows the domain's record, in two pieces as long ones are."""
    value = sso_domains.record_value(row)
    return Dns({sso_domains.record_name(row.domain): (value[:10], value[10:])})


def silent_dns():
    """Return a resolver that does not answer."""
    return Dns(fault=dns.exception.Timeout())


def fingerprints(connection):
    """Return the fingerprints of the connection's certificates."""
    return set(connection.certificates.values_list("fingerprint", flat=True))


def mark(one):
    """Return the fingerprint of a certificate."""
    return sso_certificates.fingerprint_of(one)
