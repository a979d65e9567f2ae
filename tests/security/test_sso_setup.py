"""Connect a provider, follow its metadata, test, turn on, enforce, and warn before a certificate ends."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from console.core.access import AccessRefused
from console.core.errors import TooManyRequests
from console.core.models import AuditEvent
from console.core.outbound import Answer, Outbound
from console.core.outbound_rules import OutboundError, OutboundRefused
from security.models import SsoCertificate, SsoConnection, SsoGroupRole, SsoTest
from security.services import sso_certificates, sso_metadata, sso_setup, sso_switch
from security.services.sso_certificates import CertificateRefused
from security.services.sso_metadata import MetadataUnread
from security.services.sso_setup import SetupRefused
from security.services.sso_switch import NotReady
from teams.models import Membership
from teams.roles import Role
from teams.services import raise_member
from tests.security.sso_setup_steps import (
    actor_of,
    certificate,
    choose,
    connect,
    facts,
    fingerprints,
    mark,
    metadata,
    page,
    prove,
    put_test,
    turn_on,
)
from tests.work import do_work, mails_to

NOW = timezone.now()
URL = "https://idp.halyard.example/metadata"


class Provider:
    """A guarded client behind which a provider answers, or does not."""

    def __init__(self, body=b"", status=200, fault=None):
        self.body, self.status, self.fault, self.asked = body, status, fault, []

    def send(self, method, url, *, headers, body=b"", limit=0):
        """Answer."""
        self.asked.append((method, url))
        if self.fault:
            raise self.fault
        return Answer(self.status, {}, self.body, 5)


def kinds(start="sso"):
    rows = AuditEvent.objects.filter(kind__startswith=start).order_by("id")
    return list(rows.values_list("kind", flat=True))


# --- Provider and metadata


def test_chosen_provider_gets_a_key_pair_of_its_own(cast):
    connection = choose(cast, "entra")
    assert b"PRIVATE KEY" in connection.key()
    assert b"PRIVATE" not in bytes(connection.sealed_key)
    assert connection.email_attribute.endswith("/claims/emailaddress")
    again = choose(cast, "okta")
    assert (again.pk, again.provider, again.certificate) == (connection.pk, "okta", connection.certificate)
    assert kinds() == ["sso:made", "sso:changed"]


def test_account_has_one_connection(cast):
    connection = choose(cast)
    connection.pk, connection.public_id = None, "6a2f41a3-c54c-fce8-32d2-0324e1c32e22"
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.save(force_insert=True)


def test_metadata_gives_addresses_and_the_two_certificates_that_hold_longest(cast):
    choose(cast)
    first, second, third, old = (certificate(days) for days in (10, 200, 400, -1))
    client = Provider(metadata(first, second, third, old))
    given = sso_metadata.fetch_facts(actor=actor_of(cast), url=URL, client=client, now=NOW)
    connection = sso_setup.put_facts(actor=actor_of(cast), facts=given, now=NOW)
    assert client.asked == [("GET", URL)]
    assert (connection.sso_url, connection.metadata_url) == ("https://idp.halyard.example/sso", URL)
    assert fingerprints(connection) == {mark(second), mark(third)}
    with pytest.raises(CertificateRefused, match="has ended"):
        sso_setup.put_facts(actor=actor_of(cast), facts=facts(old), now=NOW)


@pytest.mark.parametrize(
    ("client", "message"),
    [
        (Provider(status=404), "answered 404"),
        (Provider(b"<html>"), "not XML"),
        (Provider(b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), "document type"),
        (Provider(fault=OutboundRefused("The name leads inside a network.")), "inside a network"),
        (Provider(fault=OutboundError("no")), "could not be reached"),
    ],
)
def test_address_without_metadata_is_refused(cast, client, message):
    choose(cast)
    with pytest.raises(MetadataUnread, match=message):
        sso_metadata.fetch_facts(actor=actor_of(cast), url=URL, client=client, now=NOW)


def test_private_address_is_not_called(cast):
    choose(cast)
    for url in (
        "https://127.0.0.1/metadata",
        "https://169.254.169.254/latest",
        "http://idp.example/",
        "file:///etc/passwd",
    ):
        with pytest.raises(MetadataUnread):
            sso_metadata.fetch_facts(actor=actor_of(cast), url=url, client=Outbound(), now=NOW)


def test_looking_at_addresses_is_limited(cast):
    for _ in range(20):
        sso_metadata.fetch_facts(
            actor=actor_of(cast), url=URL, client=Provider(metadata(certificate())), now=NOW
        )
    with pytest.raises(TooManyRequests):
        sso_metadata.fetch_facts(actor=actor_of(cast), url=URL, client=Provider(), now=NOW)


def test_another_provider_needs_it_off(cast):
    turn_on(cast)
    with pytest.raises(SetupRefused, match="another provider"):
        sso_setup.put_facts(actor=actor_of(cast), facts=facts(certificate(), entity="urn:other"), now=NOW)
    with pytest.raises(SetupRefused, match="off before"):
        choose(cast, "google")


# --- The daily look


def test_new_certificate_arrives_by_itself(cast):
    first, second = certificate(30), certificate(400)
    connection = turn_on(cast, first)
    SsoConnection.unscoped.update(metadata_url=URL, metadata_fetched_at=NOW)
    client = Provider(metadata(first, second, sso="https://idp.halyard.example/new"))
    assert sso_metadata.refresh_due(now=NOW + timedelta(hours=23), client=client) == 0
    assert sso_metadata.refresh_due(now=NOW + timedelta(hours=24), client=client) == 1
    connection.refresh_from_db()
    assert fingerprints(connection) == {mark(first), mark(second)}
    assert (connection.sso_url, connection.state) == ("https://idp.halyard.example/new", "on")
    # Once the provider names the old one no more, neither do we.
    sso_metadata.refresh_due(now=NOW + timedelta(hours=48), client=Provider(metadata(second)))
    assert fingerprints(connection) == {mark(second)}


@pytest.mark.parametrize(
    "client",
    [
        Provider(fault=OutboundError("no")),
        Provider(metadata(certificate(), entity="urn:other")),
        Provider(metadata(certificate(-1))),
    ],
)
def test_failing_look_changes_nothing_and_is_mailed_once(cast, client):
    first = certificate()
    connection = turn_on(cast, first)
    SsoConnection.unscoped.update(metadata_url=URL, metadata_fetched_at=NOW - timedelta(days=2))
    for days in (0, 1, 2):
        assert sso_metadata.refresh_due(now=NOW + timedelta(days=days), client=client) == 0
    connection.refresh_from_db()
    assert connection.metadata_failing_since == NOW
    assert connection.metadata_error
    assert fingerprints(connection) == {mark(first)}
    assert kinds("sso:metadata") == ["sso:metadata-failing"]
    do_work()
    [mail] = [one for one in mails_to(cast.admin.email) if "metadata" in one.subject]
    assert mail.subject == "The metadata of Okta cannot be read"


# --- Certificates


def test_two_certificates_count_and_a_third_waits(cast):
    connection = connect(cast, certificate(30))
    following = sso_certificates.add_certificate(actor=actor_of(cast), certificate=certificate(400), now=NOW)
    assert following.place == 2
    with pytest.raises(CertificateRefused, match="Remove one"):
        sso_certificates.add_certificate(actor=actor_of(cast), certificate=certificate(500), now=NOW)
    first = connection.certificates.get(place=1)
    sso_certificates.remove_certificate(actor=actor_of(cast), public_id=first.public_id, now=NOW)
    assert connection.certificates.get() == following


def test_last_certificate_stays_while_on(cast):
    connection = turn_on(cast)
    only = connection.certificates.get()
    with pytest.raises(CertificateRefused, match="Nobody could sign in"):
        sso_certificates.remove_certificate(actor=actor_of(cast), public_id=only.public_id, now=NOW)
    with pytest.raises(CertificateRefused, match="has ended"):
        sso_certificates.add_certificate(actor=actor_of(cast), certificate=certificate(-1), now=NOW)


def test_end_is_mailed_once_at_each_mark(cast):
    turn_on(cast, certificate(100, now=NOW), now=NOW)
    days = range(35, 102)
    told = [
        100 - day for day in days if sso_certificates.warn_of_ends(now=NOW + timedelta(days=day, hours=1))
    ]
    assert told == [60, 30, 14, 7, 1]
    events = AuditEvent.objects.filter(kind="sso-certificate:ending").order_by("id")
    assert [event.data["days"] for event in events] == [60, 30, 14, 7, 1]
    do_work()
    subjects = [one.subject for one in mails_to(cast.owner.email) if "certificate" in one.subject]
    assert subjects[-1] == "The certificate of Okta ends in 1 day"
    assert len(subjects) == 5
    # Nobody signs in with a connection that is off.
    SsoCertificate.objects.update(warned_days=None)
    SsoConnection.unscoped.update(state="tested")
    assert sso_certificates.warn_of_ends(now=NOW + timedelta(days=90)) == 0


# --- On, enforced, off


def test_turning_on_needs_metadata_a_domain_and_a_test(cast):
    connection = choose(cast, now=NOW)
    actor = actor_of(cast)
    steps = [
        ("metadata", lambda: sso_setup.put_facts(actor=actor, facts=facts(certificate()), now=NOW)),
        ("domain", lambda: prove(cast.account)),
        ("Test", lambda: put_test(connection, cast.admin, now=NOW, is_good=False)),
        ("Test", lambda: put_test(connection, cast.admin, now=NOW + timedelta(minutes=1))),
    ]
    for missing, step in steps:
        with pytest.raises(NotReady, match=missing):
            sso_switch.turn_on(actor=actor, now=NOW)
        step()
    assert sso_switch.turn_on(actor=actor, now=NOW).is_on
    do_work()
    assert mails_to(cast.admin.email)[-1].subject == "Single sign-on is on for Halyard Logistics"


def test_change_of_what_was_tested_asks_for_another_test(cast):
    connection = connect(cast, now=NOW)
    prove(cast.account)
    put_test(connection, cast.owner, now=NOW + timedelta(minutes=1))
    connection.refresh_from_db()
    assert connection.state == "tested"
    later = NOW + timedelta(minutes=2)
    sso_setup.put_attributes(actor=actor_of(cast), names={"email": "mail"}, now=later)
    connection.refresh_from_db()
    assert connection.state == "draft"
    with pytest.raises(NotReady, match="after the last change"):
        sso_switch.turn_on(actor=actor_of(cast), now=later)


def test_enforcing_needs_a_test_of_ones_own_of_the_last_day(cast):
    turn_on(cast, now=NOW)
    admin = actor_of(cast, Role.ADMIN)
    with pytest.raises(NotReady, match="your own test"):
        sso_switch.enforce(actor=admin, now=NOW)
    connection = SsoConnection.objects.of(cast.account).get()
    put_test(connection, cast.admin, now=NOW)
    with pytest.raises(NotReady, match="your own test"):
        sso_switch.enforce(actor=admin, now=NOW + timedelta(hours=25))
    assert sso_switch.enforce(actor=admin, now=NOW + timedelta(hours=23)).enforced_by == cast.admin
    # A test that fails afterwards counts, whoever's good one came before.
    sso_switch.end_enforcement(actor=admin)
    put_test(connection, cast.admin, now=NOW + timedelta(hours=1), is_good=False)
    with pytest.raises(NotReady):
        sso_switch.enforce(actor=admin, now=NOW + timedelta(hours=2))


def test_turned_off_is_enforced_no_more_and_can_be_removed(cast):
    turn_on(cast, now=NOW)
    actor = actor_of(cast)
    with pytest.raises(NotReady, match="off first"):
        sso_switch.remove_connection(actor=actor)
    sso_switch.enforce(actor=actor, now=NOW)
    connection = sso_switch.turn_off(actor=actor)
    assert (connection.state, connection.is_enforced) == ("tested", False)
    sso_switch.remove_connection(actor=actor)
    assert not SsoConnection.objects.of(cast.account).exists()
    switched = ["sso:turned-on", "sso:enforced", "sso:turned-off", "sso:removed"]
    assert [kind for kind in kinds("sso:") if kind in switched] == switched


def test_database_refuses_what_no_page_allows(cast):
    connect(cast)
    for wrong in ({"is_enforced": True}, {"default_role": "owner"}, {"state": "on", "entity_id": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            SsoConnection.unscoped.update(**wrong)


# --- Roles


def test_no_group_makes_an_owner(cast):
    connection, actor = connect(cast), actor_of(cast)
    row = sso_setup.put_group(actor=actor, group="pb-dev", role=Role.DEVELOPER)
    assert sso_setup.put_group(actor=actor, group="pb-dev", role=Role.ADMIN).pk == row.pk
    for call in (
        lambda: sso_setup.put_group(actor=actor, group="pb-own", role=Role.OWNER),
        lambda: sso_setup.put_rules(
            actor=actor, default_role=Role.OWNER, allows_idp_initiated=False, is_two_factor=False
        ),
    ):
        with pytest.raises(SetupRefused, match="Nobody becomes Owner"):
            call()
    with pytest.raises(IntegrityError), transaction.atomic():
        SsoGroupRole.objects.create(connection=connection, group="x", role="owner")
    sso_setup.remove_group(actor=actor, public_id=row.public_id)
    assert not connection.group_roles.exists()


def test_who_is_admin_for_an_hour_does_not_decide_what_the_provider_says(client, cast):
    """A group of their own, or a provider of their own, would make them Admin for good."""
    connect(cast)
    row = sso_setup.put_group(actor=actor_of(cast), group="pb-dev", role=Role.DEVELOPER)
    member = Membership.objects.of(cast.account).get(user=cast.developer)
    raise_member(actor=actor_of(cast), member_id=member.public_id, reason="on call", now=timezone.now())
    cast.sign_in(client, "developer")
    rules = {"default_role": "admin", "is_two_factor": "on"}
    for name, sent, more in (
        ("sso_group_add", {"group": "pb-dev", "role": "admin"}, {}),
        ("sso_rules", rules, {}),
        ("sso_attributes", {"email": "mail"}, {}),
        ("sso_group_remove", {}, {"public_id": row.public_id}),
        ("sso_turn_on", {}, {}),
    ):
        answer = client.post(page(name, cast, **more), sent, follow=True)
        assert "You are Admin for a while only" in answer.text, name
    connection = SsoConnection.unscoped.get()
    assert (connection.default_role, connection.email_attribute, connection.is_two_factor) == (
        "support",
        "email",
        False,
    )
    assert list(connection.group_roles.values_list("role", flat=True)) == ["developer"]


def test_only_the_newest_tests_are_kept(cast):
    connection = connect(cast, now=NOW)
    for minute in range(22):
        put_test(connection, cast.owner, now=NOW + timedelta(minutes=minute), is_good=minute % 2 == 0)
    assert SsoTest.objects.filter(connection=connection).count() == 20


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SUPPORT, Role.ANALYST])
def test_only_owner_and_admin_set_it_up(cast, role):
    connect(cast)
    actor = actor_of(cast, role)
    for call in (
        lambda: sso_setup.choose_provider(actor=actor, provider="okta", now=NOW),
        lambda: sso_setup.put_facts(actor=actor, facts=facts(certificate()), now=NOW),
        lambda: sso_setup.put_attributes(actor=actor, names={}, now=NOW),
        lambda: sso_certificates.add_certificate(actor=actor, certificate=certificate(), now=NOW),
        lambda: sso_switch.turn_on(actor=actor, now=NOW),
        lambda: sso_switch.enforce(actor=actor, now=NOW),
        lambda: sso_switch.turn_off(actor=actor),
        lambda: sso_switch.remove_connection(actor=actor),
    ):
        with pytest.raises(AccessRefused):
            call()
