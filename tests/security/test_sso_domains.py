"""Claim email domains, prove them by DNS, and give them up."""

from datetime import timedelta

import pytest
from django.utils import timezone

from console.core.access import AccessRefused
from console.core.errors import TooManyRequests
from console.core.models import AuditEvent
from security.models import SsoDomain
from security.services import sso_domains
from security.services.sso_domains import DomainRefused
from security.sso_queries import connection_for_domain
from teams.roles import Role
from tests.factories import make_account
from tests.security.sso_setup_steps import Dns, actor_of, prove, right_dns, silent_dns, turn_on

NOW = timezone.now()


def add(cast, domain="halyard.example", now=NOW):
    return sso_domains.add_domain(actor=actor_of(cast), domain=domain, now=now)


def check(cast, row, resolver, now=NOW):
    return sso_domains.check_domain(actor=actor_of(cast), public_id=row.public_id, now=now, resolver=resolver)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Halyard.Example. ", "halyard.example"),
        ("@halyard.example", "halyard.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_domain_is_kept_in_one_form(cast, typed, stored):
    row = add(cast, typed)
    assert row.domain == stored
    assert sso_domains.record_name(row.domain) == f"_patchbay-challenge.{stored}"
    assert not row.is_verified
    # Typed again it is the same claim with the same record.
    assert add(cast, stored).challenge == row.challenge
    assert SsoDomain.objects.of(cast.account).count() == 1


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("gmail.com", "gives addresses to anybody"),
        ("mail.mailinator.com", "gives addresses to anybody"),
        ("gmаil.com", "gives addresses to anybody"),  # noqa: RUF001 - a Cyrillic letter
        ("halyard", "like company.com"),
        ("", "like company.com"),
        ("a@b.example", "like company.com"),
        ("192.0.2.1", "like company.com"),
        ("halyard.example/../x", "like company.com"),
        ("halyard\u202e.example", "like company.com"),
        ("x" * 300 + ".example", "like company.com"),
    ],
)
def test_what_is_no_company_domain_is_refused(cast, typed, reason):
    with pytest.raises(DomainRefused, match=reason):
        add(cast, typed)
    assert not SsoDomain.objects.of(cast.account).exists()


def test_record_proves_the_domain_once(cast):
    row = add(cast)
    resolver = right_dns(row)
    assert check(cast, row, resolver).is_verified
    assert resolver.asked == [("_patchbay-challenge.halyard.example", "TXT")]
    assert check(cast, row, silent_dns()).is_verified
    kinds = AuditEvent.objects.filter(kind__startswith="sso-domain").order_by("id")
    assert list(kinds.values_list("kind", flat=True)) == ["sso-domain:added", "sso-domain:verified"]


def test_why_it_is_not_proved_is_said(cast):
    row = add(cast)
    assert check(cast, row, Dns()).last_error == sso_domains.NOTHING
    assert check(cast, row, silent_dns()).last_error == sso_domains.SILENCE
    other = Dns({sso_domains.record_name(row.domain): ("patchbay-domain=other",)})
    seen = check(cast, row, other, now=NOW + timedelta(hours=1))
    assert (seen.last_error, seen.is_verified) == (sso_domains.OTHER, False)
    # Somebody looks at it, so it is watched from here on.
    assert seen.watched_until == NOW + timedelta(hours=73)


def test_domain_belongs_to_one_account(cast):
    other = make_account(name="Brightwater Studio")
    prove(other)
    row = add(cast)
    seen = check(cast, row, right_dns(row))
    assert (seen.last_error, seen.is_verified) == (sso_domains.TAKEN, False)
    assert SsoDomain.unscoped.exclude(verified_at=None).get().account == other


def test_waiting_domains_are_looked_at_every_ten_minutes_for_three_days(cast):
    row = add(cast)
    resolver = Dns()
    for minutes in (0, 5, 12):
        sso_domains.check_waiting(now=NOW + timedelta(minutes=minutes), resolver=resolver)
    assert len(resolver.asked) == 2
    assert sso_domains.check_waiting(now=NOW + timedelta(hours=73), resolver=resolver) == 0
    assert len(resolver.asked) == 2
    assert sso_domains.check_waiting(now=NOW + timedelta(hours=70), resolver=right_dns(row)) == 1


def test_looking_is_limited(cast, settings):
    row = add(cast)
    for _ in range(30):
        check(cast, row, Dns())
    with pytest.raises(TooManyRequests):
        check(cast, row, Dns())
    settings.CONSOLE_SSO_DOMAINS = 1
    with pytest.raises(DomainRefused, match="1 domains"):
        add(cast, "halyard-eu.example")


def test_last_proved_domain_stays_while_single_sign_on_is_on(cast):
    connection = turn_on(cast)
    row = SsoDomain.objects.of(cast.account).get()
    assert connection_for_domain("halyard.example") == connection
    assert connection_for_domain("other.example") is None
    with pytest.raises(DomainRefused, match="Turn that off first"):
        sso_domains.remove_domain(actor=actor_of(cast), public_id=row.public_id)
    prove(cast.account, "halyard-eu.example")
    sso_domains.remove_domain(actor=actor_of(cast), public_id=row.public_id)
    assert connection_for_domain("halyard.example") is None
    assert connection_for_domain("halyard-eu.example") == connection


def test_claim_without_proof_answers_for_nobody(cast):
    turn_on(cast)
    add(cast, "unproved.example")
    assert connection_for_domain("unproved.example") is None


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SUPPORT, Role.ANALYST])
def test_only_owner_and_admin_claim_domains(cast, role):
    with pytest.raises(AccessRefused):
        sso_domains.add_domain(actor=actor_of(cast, role), domain="halyard.example", now=NOW)


def test_domain_of_another_account_cannot_be_looked_at(cast):
    row = prove(make_account(name="Brightwater Studio"))
    with pytest.raises(DomainRefused, match="no such domain"):
        check(cast, row, silent_dns())
    sso_domains.remove_domain(actor=actor_of(cast), public_id=row.public_id)
    assert SsoDomain.unscoped.filter(pk=row.pk).exists()
