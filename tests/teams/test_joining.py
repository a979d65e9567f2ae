"""Every way that the link of an invitation can lead: each ends with something to do next."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Session, User
from console.core.requests import Origin
from security.models import AuthenticatorDevice
from teams import services
from teams.models import Invitation, Membership
from teams.roles import Role
from tests.conftest import sign_in
from tests.factories import PASSWORD, make_account, make_authenticator, make_member, make_user
from tests.teams.team_steps import INVITED, actor_of, invite, kinds, link_of
from tests.work import mails_to, newest_code

NOW = timezone.now
NEW = {"full_name": "Noor Haddad", "password": "quiet harbour lantern sails", "terms": "on"}


def _open(client, invitation):
    """Open the link, and return the page to which it leads."""
    answer = client.get(link_of(invitation))
    assert answer.status_code == 302
    assert "invitations/open" not in answer.url
    return client.get(answer.url, follow=True)


def _age(invitation):
    Invitation.unscoped.filter(pk=invitation.pk).update(
        sent_at=NOW() - timedelta(days=9), expires_at=NOW() - timedelta(days=2)
    )


def _is_member(cast, email=INVITED):
    return Membership.objects.of(cast.account).filter(user__email_key=email).exists()


def test_opening_a_link_changes_nothing(client, cast):
    invitation = invite(cast)
    before = (Membership.unscoped.count(), User.objects.count(), len(kinds(cast)))
    for _ in range(3):
        _open(client, invitation)
    client.head(link_of(invitation))
    invitation.refresh_from_db()
    assert invitation.is_live(NOW())
    assert (Membership.unscoped.count(), User.objects.count(), len(kinds(cast))) == before


def test_new_person_signs_up_verifies_the_phone_and_joins(client, cast):
    invitation = invite(cast, role=Role.ANALYST)
    page = _open(client, invitation)
    assert page.redirect_chain[-1][0] == "/invitation/sign-up/"
    assert INVITED.encode() in page.content
    answer = client.post("/invitation/sign-up/", NEW)
    user = User.objects.get(email_key=INVITED)
    assert user.email_verified_at is not None
    assert answer.url == "/welcome/phone/" or "phone" in answer.url
    # Before the phone and the second factor nothing opens, and nobody joined.
    assert client.get(f"/{cast.account.auth_id}/").status_code == 302
    assert not _is_member(cast)
    assert not Account.objects.filter(opened_by=user).exists()


def test_new_person_with_a_weak_password_keeps_what_they_typed(client, cast):
    _open(client, invite(cast))
    answer = client.post("/invitation/sign-up/", NEW | {"password": "halyard"})
    assert answer.status_code == 422
    assert b"Noor Haddad" in answer.content
    assert client.post("/invitation/sign-up/", NEW | {"terms": ""}).status_code == 422
    assert not User.objects.filter(email_key=INVITED).exists()


def test_invited_address_that_never_confirmed_its_sign_up_belongs_to_who_has_the_link(client, cast):
    squatter = make_user(INVITED, email_verified_at=None, phone="", phone_verified_at=None)
    sign_in(Client(), squatter)
    _open(client, invite(cast))
    client.post("/invitation/sign-up/", NEW)
    squatter.refresh_from_db()
    assert squatter.email_verified_at is not None
    assert not squatter.check_password(PASSWORD)
    assert squatter.check_password(NEW["password"])
    assert not Session.objects.filter(user=squatter).exists()


def test_two_clicks_on_sign_up_make_one_person(client, cast):
    invitation = invite(cast)
    _open(client, invitation)
    other = Client()
    _open(other, invitation)
    client.post("/invitation/sign-up/", NEW)
    answer = other.post("/invitation/sign-up/", NEW | {"password": "another phrase of theirs"})
    assert answer.status_code == 302
    assert User.objects.filter(email_key=INVITED).count() == 1
    assert User.objects.get(email_key=INVITED).check_password(NEW["password"])
    assert b"Sign in to go on" in other.get("/invitation/").content


def test_person_with_a_sign_in_signs_in_and_comes_back(client, cast):
    user = make_user(INVITED, full_name="Noor Haddad")
    make_authenticator(user)
    invitation = invite(cast)
    page = _open(client, invitation)
    assert b"Sign in to go on" in page.content
    answer = client.post("/invitation/sign-in/")
    assert answer.url == "/sign-in/"
    assert client.session["next"] == f"/invitations/{invitation.public_id}/"
    assert client.session["sign_in_email"] == INVITED
    sign_in(client, user)
    page = client.get(f"/invitations/{invitation.public_id}/")
    assert b"Join the team" in page.content
    joined = client.post(f"/invitations/{invitation.public_id}/", follow=True)
    assert b"You are in the team of Halyard Logistics, as Developer." in joined.content
    assert kinds(cast)[-1] == "member:joined"
    assert "You joined Halyard Logistics" in mails_to(INVITED)[-1].subject
    assert "Noor Haddad joined Halyard Logistics" in mails_to(cast.owner.email)[-1].subject


def test_signed_in_person_joins_with_one_button(client, cast):
    user = make_user(INVITED)
    sign_in(client, user)
    page = _open(client, invite(cast, role=Role.SUPPORT))
    assert b"Join the team" in page.content
    client.post(page.redirect_chain[-1][0])
    assert Membership.objects.of(cast.account).get(user=user).role == Role.SUPPORT


def test_person_without_a_second_factor_sets_one_up_first(client, cast):
    user = make_user(INVITED, phone="", phone_verified_at=None)
    invitation = invite(cast)
    _open(client, invitation)
    client.post("/invitation/sign-in/")
    client.post("/sign-in/", {"email": INVITED})
    answer = client.post("/sign-in/password/", {"username": INVITED, "password": PASSWORD}, follow=True)
    assert "phone" in answer.redirect_chain[-1][0]
    assert not AuthenticatorDevice.objects.filter(user=user).exists()
    assert client.get(f"/invitations/{invitation.public_id}/").status_code == 302
    assert not _is_member(cast)
    assert newest_code is not None


def test_signed_in_as_somebody_else_shows_both_addresses_and_switches(client, cast):
    sign_in(client, cast.outsider)
    invitation = invite(cast)
    page = _open(client, invitation)
    assert cast.outsider.email.encode() in page.content
    assert INVITED.encode() in page.content
    answer = client.post("/invitation/switch/", follow=True)
    assert not Session.objects.filter(user=cast.outsider).exists()
    assert answer.redirect_chain[-1][0] == "/invitation/sign-up/"
    assert b"Noor" not in answer.content


def test_wrong_address_asks_the_inviter_in_one_click(client, cast):
    sign_in(client, cast.outsider)
    _open(client, invite(cast, who="admin"))
    answer = client.post("/invitation/ask/", {"as": "me"})
    assert cast.outsider.email.encode() in answer.content
    mail = mails_to(cast.admin.email)[-1]
    assert cast.outsider.email in mail.subject
    assert "invite/?email=otto%40elsewhere.example" in mail.body
    assert not any("asks for an invitation" in sent.subject for sent in mails_to(cast.owner.email))
    for _ in range(2):
        client.post("/invitation/ask/", {"as": "me"})
    assert client.post("/invitation/ask/", {"as": "me"}).status_code == 429


def test_somebody_else_cannot_accept_by_guessing_the_address(client, cast):
    invitation = invite(cast)
    sign_in(client, cast.outsider)
    address = f"/invitations/{invitation.public_id}/"
    assert client.get(address).status_code == client.post(address).status_code == 404
    with pytest.raises(services.NotYours):
        services.accept_invitation(
            invitation_id=invitation.public_id, user=cast.outsider, origin=Origin(), now=NOW()
        )


def test_expired_link_asks_for_a_new_one_in_one_click(client, cast):
    invitation = invite(cast)
    _age(invitation)
    page = _open(client, invitation)
    assert page.status_code == 410
    assert b"Ask for a new link" in page.content
    answer = client.post("/invitation/ask/")
    assert b"The team was asked" in answer.content
    mail = mails_to(cast.owner.email)[-1]
    assert f"{INVITED} asks for an invitation" in mail.subject
    assert "invitations/" in mail.body
    assert not mails_to(INVITED)
    services.resend_invitation(actor=actor_of(cast, "owner"), invitation_id=invitation.public_id, now=NOW())
    assert _open(Client(), invitation).status_code == 200


def test_revoked_link_says_so_and_may_ask(client, cast):
    invitation = invite(cast)
    link = link_of(invitation)
    services.revoke_invitation(actor=actor_of(cast, "owner"), invitation_id=invitation.public_id, now=NOW())
    page = client.get(link, follow=True)
    assert page.status_code == 410
    assert b"was taken back" in page.content
    assert client.post("/invitation/sign-up/", NEW).status_code == 410
    assert not User.objects.filter(email_key=INVITED).exists()


def test_older_link_sends_to_the_newest_mail(client, cast):
    invitation = invite(cast)
    old = link_of(invitation)
    invite(cast)
    page = client.get(old, follow=True)
    assert page.status_code == 410
    assert b"A newer link was sent" in page.content


@pytest.mark.parametrize("token", ["x", "a" * 3000, "WyJ4IiwxXQ:1abc:def"])
def test_altered_link_says_how_to_get_a_whole_one(client, cast, token):
    page = client.get(f"/invitations/open/{token}/", follow=True)
    assert page.status_code == 410
    assert b"not complete" in page.content
    assert client.post("/invitation/ask/").status_code == 410
    assert client.post("/invitation/sign-in/").status_code == 410


def test_page_without_any_link_leads_on(client, db):
    page = client.get("/invitation/")
    assert page.status_code == 410
    assert b"Sign in" in page.content
    assert client.post("/invitation/switch/").status_code == 302


def test_used_link_leads_to_the_account_or_to_the_sign_in(client, cast):
    user = make_user(INVITED)
    invitation = invite(cast)
    link = link_of(invitation)
    services.accept_invitation(invitation_id=invitation.public_id, user=user, origin=Origin(), now=NOW())
    page = client.get(link, follow=True)
    assert b"This invitation was accepted" in page.content
    assert b"/sign-in/" in page.content
    sign_in(client, user)
    page = client.get(link, follow=True)
    assert b"in the team already" in page.content
    assert f"/{cast.account.auth_id}/".encode() in page.content


def test_member_who_is_invited_meanwhile_keeps_the_role(client, cast):
    user = make_user(INVITED)
    invitation = invite(cast, role=Role.ADMIN)
    make_member(cast.account, role=Role.SUPPORT, user=user)
    sign_in(client, user)
    client.post(f"/invitations/{invitation.public_id}/")
    assert Membership.objects.of(cast.account).get(user=user).role == Role.SUPPORT
    invitation.refresh_from_db()
    assert invitation.accepted_at is not None
    assert client.get(f"/invitations/{invitation.public_id}/").status_code == 302


def test_closed_account_takes_nobody(client, cast):
    invitation = invite(cast)
    Account.objects.filter(pk=cast.account.pk).update(state=Account.State.CLOSED)
    page = _open(client, invitation)
    assert b"takes no members any more" in page.content


def test_staff_join_no_team(client, cast):
    invitation = invite(cast, "staff@patchbay.example")
    sign_in(client, cast.staff)
    page = client.post(f"/invitations/{invitation.public_id}/")
    assert page.status_code == 410
    assert b"can\xe2\x80\x99t join a team" in page.content


def test_person_with_an_account_of_their_own_has_both_in_the_switcher(client, cast):
    user = make_user(INVITED)
    own = make_account("Own Company", owner=user)
    invitation = invite(cast)
    sign_in(client, user)
    page = client.post(f"/invitations/{invitation.public_id}/", follow=True)
    assert own.name.encode() in page.content
    assert f"/{cast.account.auth_id}/" in page.redirect_chain[-1][0]


def test_domain_with_single_sign_on_is_led_to_its_sign_in(client, cast, monkeypatch):
    monkeypatch.setattr("teams.views.joining.route_for", lambda email, account: "sso-only")
    page = _open(client, invite(cast))
    assert b"Sign in to go on" in page.content
    assert client.post("/invitation/sign-up/", NEW).status_code == 302
    assert not User.objects.filter(email_key=INVITED).exists()


def test_secret_of_the_link_stays_out_of_pages_sessions_and_events(client, cast):
    invitation = invite(cast)
    token = re.search(r"/open/(.+)/", link_of(invitation)).group(1)
    page = _open(client, invitation)
    assert token not in page.content.decode()
    assert token not in str(dict(client.session))


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_join_once(cast):
    user = make_user(INVITED)
    invitation = invite(cast)

    def click(_):
        try:
            return services.accept_invitation(
                invitation_id=invitation.public_id, user=user, origin=Origin(), now=NOW()
            ).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(click, range(4)))
    assert len(found) == 1
    assert kinds(cast).count("member:joined") == 1
