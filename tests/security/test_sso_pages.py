"""Set single sign-on up page by page, as owner and admin; nobody else, and no other account's."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from security.models import SsoConnection, SsoDomain, SsoGroupRole, SsoLink, SsoRequest
from security.services import sso_domains
from security.services.sso_metadata import MetadataUnread
from security.sso_guides import GUIDES
from teams.models import Membership
from tests.factories import make_account, make_member
from tests.security.sso_setup_steps import (
    Dns,
    actor_of,
    certificate,
    choose,
    connect,
    facts,
    metadata,
    page,
    pem,
    prove,
    put_test,
    right_dns,
    turn_on,
)

NOW = timezone.now()


@pytest.fixture
def owner(client, cast):
    """Return the owner's browser."""
    return cast.sign_in(client, "owner")


def the(cast):
    return SsoConnection.objects.of(cast.account).first()


def test_wizard_begins_with_the_provider_and_goes_on_where_it_was_left(owner, cast):
    assert "Choose your provider" in owner.get(page("sso", cast)).text
    assert owner.post(page("sso_provider", cast), {"provider": "nonsense"}).status_code == 422
    made = owner.post(page("sso_provider", cast), {"provider": "entra"})
    assert made.headers["Location"] == page("sso_guide", cast)
    guide = owner.get(page("sso_guide", cast)).text
    own = the(cast).public_id
    for value in ("Reply URL (Assertion Consumer Service URL)", f"/sso/{own}/acs/", f"/sso/{own}/metadata/"):
        assert value in guide
    assert "Open the guide" in owner.get(page("sso", cast)).text
    # The same form again leaves one connection.
    owner.post(page("sso_provider", cast), {"provider": "entra"})
    assert SsoConnection.objects.of(cast.account).count() == 1


@pytest.mark.parametrize("provider", sorted(GUIDES))
def test_every_provider_has_a_guide_with_our_values(owner, cast, provider):
    connection = choose(cast, provider)
    guide = owner.get(page("sso_guide", cast)).text
    assert f"/sso/{connection.public_id}/acs/" in guide
    assert connection.email_attribute in guide


def test_metadata_is_taken_as_a_file(owner, cast):
    choose(cast)
    file = SimpleUploadedFile("metadata.xml", metadata(certificate()), content_type="text/xml")
    sent = owner.post(page("sso_connect", cast), {"way": "file", "file": file})
    assert sent.headers["Location"] == page("sso", cast)
    assert the(cast).entity_id == "https://idp.halyard.example/saml"
    text = owner.get(page("sso", cast)).text
    assert "days left" in text
    assert "Claim your email domain next" in text


def test_metadata_is_taken_by_hand_with_two_certificates(owner, cast):
    choose(cast)
    typed = {
        "way": "hand",
        "entity_id": "urn:halyard",
        "sso_url": "https://idp.halyard.example/sso",
        "certificate": pem(certificate(20)),
        "next_certificate": pem(certificate(400)),
    }
    assert owner.post(page("sso_connect", cast), typed).status_code == 302
    assert the(cast).certificates.count() == 2
    wrong = owner.post(
        page("sso_connect", cast), typed | {"sso_url": "javascript:alert(1)", "certificate": "x"}
    )
    assert wrong.status_code == 422
    assert "starts with https://" in wrong.text
    assert "not an X.509 certificate" in wrong.text
    assert "urn:halyard" in wrong.text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"way": "url", "url": "https://127.0.0.1/metadata"}, "not an IP address"),
        ({"way": "url", "url": ""}, "Enter the address"),
        ({"way": "file"}, "Choose the file"),
        ({"way": "hand", "entity_id": "a\x00b"}, "allowed"),
        ({"way": "other"}, "One of the three ways"),
    ],
)
def test_wrong_metadata_is_refused_beside_its_field(owner, cast, sent, words):
    choose(cast)
    answer = owner.post(page("sso_connect", cast), sent)
    assert answer.status_code == 422
    assert words in answer.text
    assert not the(cast).is_complete


def test_hostile_files_are_refused(owner, cast):
    choose(cast)
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><EntityDescriptor>&b;</EntityDescriptor>'
    for body in (bomb, b"\xff\xfe\x00", b"<a/>", b" " * (512 * 1024 + 1), metadata()):
        file = SimpleUploadedFile("metadata.xml", body)
        assert owner.post(page("sso_connect", cast), {"way": "file", "file": file}).status_code == 422
    assert not the(cast).is_complete


def test_metadata_is_read_from_its_address(owner, cast, monkeypatch):
    choose(cast)

    def fetch(*, actor, url, client, now):
        if "gone" in url:
            raise MetadataUnread("The address answered 404 instead of metadata.")
        return facts(certificate(), url=url)

    monkeypatch.setattr("security.services.sso_metadata.fetch_facts", fetch)
    gone = owner.post(page("sso_connect", cast), {"way": "url", "url": "https://idp.example/gone"})
    assert "answered 404" in gone.text
    assert gone.status_code == 422
    assert (
        owner.post(page("sso_connect", cast), {"way": "url", "url": "https://idp.example/m"}).status_code
        == 302
    )
    assert "follow the metadata address" in owner.get(page("sso", cast)).text


def test_domain_is_claimed_with_its_record_shown_and_looked_for(owner, cast, monkeypatch):
    connect(cast)
    assert "anybody" in owner.post(page("sso_domain_add", cast), {"domain": "gmail.com"}).text
    owner.post(page("sso_domain_add", cast), {"domain": "Halyard.example"})
    row = SsoDomain.objects.of(cast.account).get()
    text = owner.get(page("sso", cast)).text
    assert "_patchbay-challenge.halyard.example" in text
    assert f"patchbay-domain={row.challenge}" in text
    for resolver, words in ((Dns(), "No such record yet"), (right_dns(row), "is proved")):
        monkeypatch.setattr(sso_domains.dns.resolver, "Resolver", lambda found=resolver: found)
        seen = owner.post(page("sso_domain_check", cast, public_id=row.public_id), follow=True)
        assert words in seen.text
    assert "5 members" in owner.get(page("sso", cast)).text
    assert "Give this domain up?" in owner.get(page("sso_domain_remove", cast, public_id=row.public_id)).text
    owner.post(page("sso_domain_remove", cast, public_id=row.public_id))
    assert not SsoDomain.objects.of(cast.account).exists()


def test_rules_groups_and_attributes_are_kept(owner, cast):
    connect(cast)
    owner.post(page("sso_attributes", cast), {"email": " mail ", "groups": "memberOf"})
    owner.post(page("sso_rules", cast), {"default_role": "developer", "is_two_factor": "on"})
    kept = the(cast)
    assert (kept.email_attribute, kept.groups_attribute, kept.first_name_attribute) == (
        "mail",
        "memberOf",
        "",
    )
    assert (kept.default_role, kept.is_two_factor, kept.allows_idp_initiated) == ("developer", True, False)
    assert owner.post(page("sso_rules", cast), {"default_role": "owner"}).status_code == 422
    assert owner.post(page("sso_group_add", cast), {"group": "x", "role": "owner"}).status_code == 422
    owner.post(page("sso_group_add", cast), {"group": "pb-<dev>", "role": "developer"})
    row = SsoGroupRole.objects.get()
    assert "pb-&lt;dev&gt;" in owner.get(page("sso_rules", cast)).text
    owner.get(page("sso_group_remove", cast, public_id=row.public_id))
    owner.post(page("sso_group_remove", cast, public_id=row.public_id))
    assert not SsoGroupRole.objects.exists()


def test_it_is_turned_on_enforced_and_off_again(owner, cast):
    connection = connect(cast, now=NOW - timedelta(hours=1))
    refused = owner.post(page("sso_turn_on", cast), follow=True)
    assert "Prove an email domain" in refused.text
    prove(cast.account)
    put_test(connection, cast.owner, now=NOW)
    assert "Turn on…" in owner.get(page("sso", cast)).text
    assert "Turn single sign-on on?" in owner.get(page("sso_turn_on", cast)).text
    for step in ("sso_turn_on", "sso_turn_on", "sso_enforce", "sso_enforce"):
        owner.post(page(step, cast))
    assert the(cast).is_enforced
    assert "Enforced for everyone but the owner" in owner.get(page("sso", cast)).text
    assert "4 members sign in" in owner.get(page("sso_enforce", cast)).text
    owner.get(page("sso_relax", cast))
    owner.post(page("sso_relax", cast))
    assert (the(cast).is_enforced, the(cast).is_on) == (False, True)
    owner.get(page("sso_turn_off", cast))
    owner.post(page("sso_turn_off", cast))
    owner.get(page("sso_remove", cast))
    owner.post(page("sso_remove", cast))
    assert the(cast) is None


def test_certificates_are_added_and_removed(owner, cast):
    connection = turn_on(cast, certificate(20))
    assert "Add next certificate" in owner.get(page("sso", cast)).text
    wrong = owner.post(page("sso_certificate_add", cast), {"certificate": pem(certificate(-2))})
    assert (wrong.status_code, "has ended" in wrong.text) == (422, True)
    owner.post(page("sso_certificate_add", cast), {"certificate": pem(certificate(300))})
    first = connection.certificates.get(place=1)
    assert first.short_fingerprint in owner.get(page("sso", cast)).text
    owner.get(page("sso_certificate_remove", cast, public_id=first.public_id))
    owner.post(page("sso_certificate_remove", cast, public_id=first.public_id))
    last = connection.certificates.get()
    refused = owner.post(page("sso_certificate_remove", cast, public_id=last.public_id), follow=True)
    assert "Nobody could sign in without it" in refused.text


def test_test_goes_to_the_provider_and_shows_what_arrived(owner, cast):
    connection = connect(cast)
    left = owner.get(page("sso_test", cast))
    assert left.headers["Location"].startswith("https://idp.halyard.example/sso?")
    report = {
        "reason": "The assertion names no email address that we can use.",
        "facts": [["Issuer", "urn:<idp>"]],
        "attributes": [{"name": "mail", "values": ["ines@halyard.example"]}],
        "matched": [],
        "missing": ["email"],
    }
    test = put_test(connection, cast.owner, is_good=False, report=report)
    text = owner.get(page("sso_test_result", cast, public_id=test.public_id)).text
    for words in ("The test failed", "names no email address", "urn:&lt;idp&gt;", "Did not arrive", "mail"):
        assert words in text
    assert "Last test failed" in owner.get(page("sso", cast)).text


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_test_that_another_site_or_a_mail_leads_to_begins_on_our_page(owner, cast, site):
    connect(cast)
    left = owner.get(page("sso_test", cast), headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"})
    assert left.headers["Location"] == page("sso", cast)
    assert "Begin the test here" in owner.get(page("sso", cast)).text
    assert not SsoRequest.objects.exists()
    left = owner.get(page("sso_test", cast), headers={"Sec-Fetch-Site": "same-origin"})
    assert left.headers["Location"].startswith("https://idp.halyard.example/sso?")


def test_test_needs_metadata_first(owner, cast):
    choose(cast)
    assert owner.get(page("sso_test", cast)).status_code == 403


ROUTES = (
    "sso",
    "sso_provider",
    "sso_guide",
    "sso_connect",
    "sso_attributes",
    "sso_rules",
    "sso_turn_on",
    "sso_test",
)


@pytest.mark.parametrize("who", ["developer", "support", "analyst"])
def test_other_roles_open_none_of_it(client, cast, who):
    connect(cast)
    browser = cast.sign_in(client, who)
    assert {browser.get(page(route, cast)).status_code for route in ROUTES} == {403}


def test_rows_of_another_account_are_not_found(owner, cast):
    other = make_account(name="Brightwater Studio")
    connect(cast)
    row = prove(other)
    assert owner.get(page("sso_domain_remove", cast, public_id=row.public_id)).status_code == 404
    assert owner.post(page("sso_domain_check", cast, public_id=row.public_id)).status_code == 404
    for route in ("sso_certificate_remove", "sso_group_remove", "sso_test_result"):
        assert owner.get(page(route, cast, public_id=row.public_id)).status_code == 404
    assert owner.get(reverse("security:sso", kwargs={"account": other.auth_id})).status_code == 404


def test_page_asks_the_same_few_questions_for_many_members(owner, cast):
    connection = turn_on(cast)
    put_test(connection, cast.owner)
    owner.get(page("sso", cast))

    def count():
        with CaptureQueriesContext(database) as asked:
            assert owner.get(page("sso", cast)).status_code == 200
        return len(asked)

    before = count()
    for _ in range(3):
        make_member(cast.account)
    sso_domains.add_domain(actor=actor_of(cast), domain="halyard-eu.example", now=NOW)
    assert count() == before <= 10


def test_staff_see_connections_and_domains_and_change_nothing(client, cast):
    connection = turn_on(cast)
    cast.staff.groups.add(Group.objects.get(name="support"))
    cast.staff.is_superuser = False
    cast.staff.save()
    browser = cast.sign_in(client, "staff")
    row = SsoDomain.objects.of(cast.account).get()
    for model, pk in (("ssoconnection", connection.pk), ("ssodomain", row.pk)):
        assert cast.account.name in browser.get(reverse(f"admin:security_{model}_changelist")).text
        one = browser.get(reverse(f"admin:security_{model}_change", args=[pk]))
        assert "halyard.example" in one.text
        assert "PRIVATE" not in one.text
        assert browser.post(reverse(f"admin:security_{model}_change", args=[pk]), {}).status_code == 403
        assert browser.get(reverse(f"admin:security_{model}_add")).status_code == 403


def test_team_says_who_signs_in_by_the_provider(owner, cast):
    connection = turn_on(cast)
    team = reverse("teams:member_list", kwargs={"account": cast.account.auth_id})
    assert "by SSO" not in owner.get(team).text
    SsoLink.objects.create(connection=connection, user=cast.developer, name_id="dev")
    assert owner.get(team).text.count("by SSO") == 1
    row = Membership.objects.of(cast.account).get(user=cast.developer)
    page_of_member = reverse(
        "teams:member", kwargs={"account": cast.account.auth_id, "member": row.public_id}
    )
    assert "Signs in by" in owner.get(page_of_member).text
    # The provider of another account says nothing about this one.
    connection.account = make_account(name="Brightwater Studio")
    connection.save()
    assert "by SSO" not in owner.get(team).text
