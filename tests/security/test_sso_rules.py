"""What single sign-on changes once it is asked for: passwords, invitations, confirmations, signing out."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from security.models import SsoLink, SsoRequest, SsoSession
from security.services import sso_setup
from security.sso import addresses, messages
from security.tasks import sweep_expired
from teams import services as teams
from teams.models import Membership
from tests.conftest import sign_in
from tests.factories import PASSWORD, make_authenticator, make_member, make_user
from tests.security import saml_peer as peer
from tests.security import sso_steps as steps
from tests.security.steps import app_code, settle
from tests.teams.team_steps import invite, link_of
from tests.work import do_work, mails_to


@pytest.fixture
def connection(cast):
    return steps.make_connection(cast.account, is_two_factor=True, is_enforced=True)


def overview(account) -> str:
    return f"/{account.auth_id}/"


def by_password(client, user):
    client.post("/sign-in/", {"email": user.email})
    return client.post("/sign-in/password/", {"username": user.email, "password": PASSWORD})


def test_a_member_s_password_leads_to_the_provider(client, cast, connection):
    answer = by_password(client, cast.developer)
    assert answer["Location"] == "/sso/step/"
    page = client.get("/sso/step/").content.decode()
    assert f"/sso/{connection.public_id}/start/" in page
    assert client.get("/sign-in/second-factor/")["Location"] == "/sso/step/"
    assert not Session.objects.exclude(user=None).exists()
    assert steps.sign_in(client, connection, cast.developer.email)["Location"] == overview(cast.account)


def test_enforcement_reaches_sessions_that_are_open(client, cast, connection):
    cast.sign_in(client, "admin")
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.get(overview(cast.account), headers=headers)
        where = answer.get("Location") or answer["HX-Redirect"]
        assert where.startswith(f"/sso/{connection.public_id}/needed/")
    answer = client.post(f"/{cast.account.auth_id}/account/settings/profile/", {"full_name": "X"})
    assert answer["Location"].startswith(f"/sso/{connection.public_id}/needed/")


def test_the_owner_s_password_works_and_everybody_is_told(client, cast, connection):
    make_authenticator(cast.owner)
    settle(cast.owner)
    assert by_password(client, cast.owner)["Location"] == "/sign-in/second-factor/"
    client.post("/sign-in/second-factor/app/", {"code": app_code()})
    assert client.get(overview(cast.account)).status_code == 200
    do_work()
    assert AuditEvent.objects.filter(kind="sso:bypassed", account_id=cast.account.pk).count() == 1
    for person in (cast.owner, cast.admin):
        assert any("without single sign-on" in mail.subject for mail in mails_to(person.email))
    assert not any("without single sign-on" in mail.subject for mail in mails_to(cast.developer.email))


def test_the_owner_s_sign_in_by_the_provider_tells_nobody(client, cast, connection):
    steps.link(connection, cast.owner)
    steps.sign_in(client, connection, cast.owner.email)
    do_work()
    assert not AuditEvent.objects.filter(kind="sso:bypassed").exists()


def test_a_known_person_is_told_of_the_link_and_a_new_one_is_not(client, cast, connection):
    steps.sign_in(client, connection, cast.developer.email)
    steps.sign_in(Client(), connection, "new@halyard.example")
    do_work()
    assert any("can sign you in now" in mail.subject for mail in mails_to(cast.developer.email))
    assert not any("can sign you in now" in mail.subject for mail in mails_to("new@halyard.example"))


def test_a_member_of_two_accounts_keeps_the_password_for_the_other(client, cast, connection):
    make_member(cast.other_account, user=cast.developer)
    make_authenticator(cast.developer)
    settle(cast.developer)
    assert by_password(client, cast.developer)["Location"] == "/sign-in/second-factor/"
    client.post("/sign-in/second-factor/app/", {"code": app_code()})
    assert client.get(overview(cast.other_account)).status_code == 200
    assert client.get(overview(cast.account))["Location"].startswith("/sso/")


def test_an_invitation_into_an_enforced_domain_leads_through_the_provider(client, cast, connection):
    invitation = invite(cast, email="fresh@halyard.example")
    opened = client.get(client.get(link_of(invitation)).url, follow=True)
    assert b"Sign in to go on" in opened.content
    assert client.get("/invitation/sign-up/")["Location"] == "/invitation/"
    client.post("/invitation/sign-in/")
    assert client.post("/sign-in/", {"email": "fresh@halyard.example"})["Location"] == "/sso/"
    answer = steps.sign_in(client, connection, "fresh@halyard.example")
    assert client.get(answer["Location"], follow=True).redirect_chain[-1][0] == overview(cast.account)
    member = Membership.objects.of(cast.account).get(user__email_key="fresh@halyard.example")
    assert member.role == invitation.role


def test_an_invitation_to_another_domain_signs_up_with_a_password(client, cast, connection):
    invitation = invite(cast, email="fresh@partner.example")
    opened = client.get(client.get(link_of(invitation)).url, follow=True)
    assert opened.redirect_chain[-1][0] == "/invitation/sign-up/"


def test_four_answers_at_once_open_one_session(transactional_db, cast, connection):
    client = Client()
    request_id = steps.start(client, connection)
    text = peer.encode(peer.signed(**steps.says(connection, request_id, name_id=cast.developer.email)))

    def post(_):
        try:
            return steps.post(client, connection, text).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(post, range(4))) == [303, 403, 403, 403]


def test_who_leaves_the_team_is_linked_anew(client, cast, connection):
    steps.link(connection, cast.developer)
    member = Membership.objects.of(cast.account).get(user=cast.developer)
    actor = Actor.system(cast.account)
    teams.remove_member(actor=actor, member_id=member.public_id, now=timezone.now())
    do_work()
    assert not SsoLink.objects.filter(user=cast.developer).exists()


def test_another_provider_s_names_are_linked_anew(client, cast, connection):
    steps.link(connection, cast.developer)
    connection.is_enforced, connection.state = False, "tested"
    connection.save()
    certificates = (peer.pair()[1],)
    facts = sso_setup.ProviderFacts("urn:next", "https://next.example/sso", "", certificates)
    sso_setup.put_facts(actor=Actor.system(cast.account), facts=facts, now=timezone.now())
    assert not SsoLink.objects.exists()


def codes_page(cast) -> str:
    return f"/{cast.account.auth_id}/account/settings/security/recovery-codes/make/"


def test_a_fresh_sign_in_at_the_provider_confirms_what_needs_both_factors(client, cast, connection):
    user = make_user("jit@halyard.example", phone="", phone_verified_at=None)
    make_member(cast.account, user=user)
    user.set_unusable_password()
    user.save()
    steps.sign_in(client, connection, user.email)
    held = client.post(codes_page(cast))["Location"]
    page = client.get(held, follow=True)
    assert page.redirect_chain[-1][0].endswith("/sso/")
    leave = re.search(r'href="(/sso/confirm/[0-9a-f-]+/)"', page.content.decode()).group(1)
    answer = client.get(leave)
    packed = parse_qs(urlsplit(answer["Location"]).query)["SAMLRequest"][0]
    assert messages.parse(messages.decode_redirect(packed)).get("ForceAuthn") == "true"
    request_id = steps.request_id_of(answer)
    stale = steps.answer(
        client, connection, request_id, name_id=user.email, authn_at=timezone.now() - timedelta(minutes=9)
    )
    assert "did not ask you again" in stale.content.decode()
    steps.answer(client, connection, request_id, name_id=user.email, authn_at=timezone.now())
    back = client.get("/sso/finish/")
    assert back["Location"] == held
    ready = client.get(held).content.decode()
    assert "You confirmed it" in ready
    token = re.search(r'name="token" value="([0-9a-f]+)"', ready).group(1)
    assert client.post(held, {"token": token}).status_code in {200, 302}
    assert AuditEvent.objects.filter(kind=EventKind.STEP_UP_PASSED).count() == 1


def test_somebody_else_s_sign_in_confirms_nothing(client, cast, connection):
    steps.sign_in(client, connection, cast.developer.email)
    steps.link(connection, cast.admin)
    held = client.post(codes_page(cast))["Location"]
    leave = held.replace("/confirm/", "/sso/confirm/")
    request_id = steps.request_id_of(client.get(leave))
    stolen = steps.answer(client, connection, request_id, name_id=cast.admin.email, authn_at=timezone.now())
    assert "names somebody else" in stolen.content.decode()


def test_a_person_of_two_accounts_is_not_confirmed_by_one_s_provider(client, cast, connection):
    make_member(cast.other_account, user=cast.developer)
    steps.sign_in(client, connection, cast.developer.email)
    held = client.post(codes_page(cast))["Location"]
    assert "/sso/" not in client.get(held, follow=True).redirect_chain[-1][0]
    assert client.get(held.replace("/confirm/", "/sso/confirm/")).status_code == 404


def test_a_membership_that_rests_elsewhere_is_not_confirmed_away(client, cast, connection):
    """Its account may open again: A's provider must not become the password that opens B."""
    other = make_member(cast.other_account, user=cast.developer)
    Membership.unscoped.filter(pk=other.pk).update(suspended_at=timezone.now())
    steps.sign_in(client, connection, cast.developer.email)
    held = client.post(codes_page(cast))["Location"]
    assert client.get(held.replace("/confirm/", "/sso/confirm/")).status_code == 404


def logout(client, connection, email, *, key=b"", **bent):
    now = bent.pop("now", timezone.now())
    xml = peer.logout_request(slo=addresses.slo_url(connection.public_id), name_id=email, now=now, **bent)
    return client.get(f"/sso/{connection.public_id}/slo/?{peer.query(xml, key=key or None)}")


def test_the_provider_s_logout_ends_its_sessions_and_no_others(client, cast, connection):
    steps.sign_in(client, connection, cast.developer.email)
    other = Client()
    sign_in(other, cast.developer)
    answer = logout(Client(), connection, cast.developer.email)
    assert answer["Location"].startswith(f"{steps.IDP}/slo?SAMLResponse=")
    assert Session.objects.filter(user=cast.developer).count() == 1
    assert client.get(overview(cast.account)).status_code == 302
    assert AuditEvent.objects.get(kind="sso:logged-out").data["count"] == 1


@pytest.mark.parametrize("forged", ["unsigned", "stranger", "other-person", "replayed"])
def test_a_forged_logout_ends_nothing(client, cast, connection, forged):
    steps.sign_in(client, connection, cast.developer.email)
    if forged == "unsigned":
        xml = peer.logout_request(
            slo=addresses.slo_url(connection.public_id), name_id=cast.developer.email, now=timezone.now()
        )
        query = peer.query(xml).partition("&SigAlg")[0]
        assert client.get(f"/sso/{connection.public_id}/slo/?{query}").status_code == 403
    elif forged == "stranger":
        assert (
            logout(Client(), connection, cast.developer.email, key=peer.pair("stranger")[0]).status_code
            == 403
        )
    elif forged == "other-person":
        assert logout(Client(), connection, cast.admin.email).status_code == 302
    else:
        now = timezone.now()
        logout(Client(), connection, "nobody@halyard.example", now=now)
        assert logout(Client(), connection, "nobody@halyard.example", now=now).status_code == 403
    assert Session.objects.filter(user=cast.developer).exists()


def test_signing_out_offers_the_provider_s_end_too(client, cast, connection):
    steps.sign_in(client, connection, cast.developer.email)
    page = client.post("/sign-out/", follow=True)
    assert page.redirect_chain[-1][0] == "/sso/signed-out/"
    address = (
        re.search(r'href="(https://idp.example/slo[^"]+)"', page.content.decode())
        .group(1)
        .replace("&amp;", "&")
    )
    query = parse_qs(urlsplit(address).query)
    asked = messages.parse(messages.decode_redirect(query["SAMLRequest"][0]))
    assert asked.findtext("{*}NameID") == cast.developer.email
    now = timezone.now()
    xml = (
        f'<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
        f' ID="x" Version="2.0" IssueInstant="{peer.instant(now)}" Destination="{addresses.slo_url(connection.public_id)}"'
        f' InResponseTo="{asked.get("ID")}"><saml:Issuer>{peer.PROVIDER}</saml:Issuer></samlp:LogoutResponse>'
    )
    path = f"/sso/{connection.public_id}/slo/?{peer.query(xml, kind='SAMLResponse')}"
    assert "everywhere" in client.get(path).content.decode()
    assert client.get(path).status_code == 403


def test_signing_out_of_a_password_s_session_offers_nothing(client, cast, connection):
    cast.sign_in(client, "owner")
    assert client.post("/sign-out/")["Location"] == "/sign-in/"


def test_what_is_over_is_swept(client, cast, connection):
    steps.sign_in(client, connection, cast.developer.email)
    Session.objects.filter(user=cast.developer).delete()
    connection.requests.update(expires_at=timezone.now() - timedelta(days=2))
    connection.assertions.update(expires_at=timezone.now() - timedelta(minutes=1))
    sweep_expired()
    assert not SsoSession.objects.exists()
    assert not SsoRequest.objects.exists()
    assert not connection.assertions.exists()


def test_the_metadata_is_a_download_that_names_the_connection(client, cast, connection):
    answer = client.get(f"/sso/{connection.public_id}/metadata/")
    assert answer["Content-Type"] == "application/samlmetadata+xml"
    assert "attachment" in answer["Content-Disposition"]
    assert str(connection.public_id) in answer.content.decode()
    assert client.get(f"/sso/{User.objects.first().public_id}/metadata/").status_code == 404
