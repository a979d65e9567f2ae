"""Inviting: who, whom, how many, sending again, taking back."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import EmailDomainRule
from billing.models import Plan
from console.core.errors import TooManyRequests
from teams import services
from teams.models import Invitation, Membership
from teams.roles import Role
from tests.teams.team_steps import INVITED, actor_of, invite, kinds, link_of, member_of, place
from tests.work import mails_to

NOW = timezone.now


def test_admin_invites_and_the_mail_has_the_link(client, cast):
    cast.sign_in(client, "admin")
    answer = client.post(place(cast, "member_invite"), {"email": INVITED, "role": "developer", "until": ""})
    assert answer.status_code == 302
    page = client.get(answer.url)
    assert INVITED.encode() in page.content
    assert b"works once, for 7 days" in page.content
    mail = mails_to(INVITED)[-1]
    assert "Admin Person invites you to Halyard Logistics" in mail.subject
    assert link_of(Invitation.unscoped.get()) in mail.body
    assert kinds(cast)[-1] == "invitation:sent"


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@gmail.com", "a@mailinator.com", "a\x00b@halyard.example", "a" * 400 + "@x.example"],
)
def test_address_that_is_no_work_address_is_refused_beside_the_field(client, cast, email):
    cast.sign_in(client, "owner")
    answer = client.post(place(cast, "member_invite"), {"email": email, "role": "developer"})
    assert answer.status_code == 422
    assert not Invitation.unscoped.exists()


def test_blocked_domain_of_the_staff_holds_for_invitations(client, cast):
    EmailDomainRule.objects.create(domain="rival.example", verdict="block", reason="Rival")
    cast.sign_in(client, "owner")
    assert (
        client.post(place(cast, "member_invite"), {"email": "a@rival.example", "role": "support"}).status_code
        == 422
    )


def test_shared_mailbox_is_invited_with_a_warning(client, cast):
    cast.sign_in(client, "owner")
    data = {"email": "support@halyard2.example", "role": "developer"}
    answer = client.post(place(cast, "member_invite"), data, follow=True)
    assert Invitation.unscoped.count() == 1
    assert answer.content.count(b"notice--warn") >= 1


@pytest.mark.parametrize("role", ["owner", "root", ""])
def test_nobody_is_invited_as_owner(client, cast, role):
    cast.sign_in(client, "owner")
    answer = client.post(place(cast, "member_invite"), {"email": INVITED, "role": role})
    assert answer.status_code == 422
    assert not Invitation.unscoped.exists()


def test_member_is_not_invited_again(client, cast):
    cast.sign_in(client, "owner")
    data = {"email": cast.developer.email.upper().replace("@HALYARD", "@halyard"), "role": "support"}
    answer = client.post(place(cast, "member_invite"), data)
    assert answer.status_code == 422
    assert b"in the team already" in answer.content


def test_inviting_a_pending_address_sends_a_new_link_and_ends_the_old(client, cast):
    first = invite(cast)
    old = link_of(first)
    again = invite(cast, INVITED.upper().replace("HALYARD.EXAMPLE", "halyard.example"), Role.SUPPORT)
    assert again.pk == first.pk
    assert (again.turn, again.role) == (2, Role.SUPPORT)
    assert old != link_of(again)
    assert Invitation.unscoped.count() == 1
    # The first mail was not on its way yet: only the live link goes out.
    assert len(mails_to(INVITED)) == 1


def test_two_clicks_at_once_make_one_invitation(cast):
    invite(cast)
    with pytest.raises(Exception, match="invitation_once"), transaction.atomic():
        Invitation.objects.create(
            account=cast.account,
            email=INVITED,
            email_key=INVITED,
            role="developer",
            expires_at=NOW() + timedelta(days=1),
        )


def test_resending_renews_the_date_and_names_who_sent_it(client, cast):
    invitation = invite(cast)
    Invitation.unscoped.update(sent_at=NOW() - timedelta(days=9), expires_at=NOW() - timedelta(days=2))
    old = link_of(invitation)
    cast.sign_in(client, "admin")
    client.post(place(cast, "invitation_resend", invitation=invitation.public_id))
    invitation.refresh_from_db()
    assert invitation.expires_at > NOW() + timedelta(days=6)
    assert invitation.invited_by == cast.admin
    assert link_of(invitation) != old
    assert kinds(cast)[-1] == "invitation:resent"


def test_revoking_asks_first_then_ends_the_link_and_tells_the_address(client, cast):
    invitation = invite(cast)
    mails_to(INVITED)
    cast.sign_in(client, "owner")
    address = place(cast, "invitation_revoke", invitation=invitation.public_id)
    assert b"opens nothing from now on" in client.get(address).content
    assert Invitation.unscoped.get().revoked_at is None
    client.post(address)
    assert client.post(address).status_code == 404
    assert "taken back" in mails_to(INVITED)[-1].subject
    assert kinds(cast).count("invitation:revoked") == 1
    assert invite(cast).pk != invitation.pk


def test_foreign_invitation_is_not_found(client, cast):
    Plan.objects.create(
        account=cast.other_account,
        monthly_amount=750,
        starts_at=NOW() - timedelta(days=1),
        ends_at=NOW() + timedelta(days=1),
        reason="x",
    )
    from teams.queries import resolve_actor

    actor = resolve_actor(
        cast.outsider, auth_id=cast.other_account.auth_id, origin=actor_of(cast, "owner").origin
    )
    foreign = services.invite_member(actor=actor, email="x@elsewhere.example", role=Role.SUPPORT, now=NOW())
    cast.sign_in(client, "owner")
    revoke = place(cast, "invitation_revoke", invitation=foreign.public_id)
    assert client.get(revoke).status_code == client.post(revoke).status_code == 404
    client.post(place(cast, "invitation_resend", invitation=foreign.public_id))
    foreign.refresh_from_db()
    assert (foreign.turn, foreign.revoked_at) == (1, None)


def test_open_invitations_are_limited_but_expired_ones_do_not_count(cast, settings):
    settings.CONSOLE_INVITATIONS_OPEN = 2
    invite(cast, "a@halyard.example")
    second = invite(cast, "b@halyard.example")
    with pytest.raises(services.InvitationFull):
        invite(cast, "c@halyard.example")
    invite(cast, "a@halyard.example")
    Invitation.unscoped.filter(pk=second.pk).update(
        sent_at=NOW() - timedelta(days=9), expires_at=NOW() - timedelta(days=1)
    )
    invite(cast, "c@halyard.example")
    with pytest.raises(services.InvitationFull):
        services.resend_invitation(actor=actor_of(cast, "owner"), invitation_id=second.public_id, now=NOW())


def test_a_mailbox_is_not_filled(client, cast, settings):
    for _ in range(settings.CONSOLE_MAILS_PER_DAY):
        invite(cast)
    with pytest.raises(TooManyRequests):
        invite(cast)
    cast.sign_in(client, "owner")
    answer = client.post(place(cast, "member_invite"), {"email": INVITED, "role": "developer"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert INVITED.encode() in answer.content


def test_an_account_does_not_mail_strangers_all_day(cast, settings):
    settings.CONSOLE_INVITATIONS_PER_DAY = 2
    invite(cast, "a@halyard.example")
    invite(cast, "b@halyard.example")
    with pytest.raises(TooManyRequests):
        invite(cast, "c@halyard.example")


def test_several_are_invited_at_once(client, cast):
    cast.sign_in(client, "owner")
    lines = "a@halyard.example\r\n\n b@halyard.example; \nA@halyard.example\n" + cast.developer.email
    answer = client.post(place(cast, "member_invite_many"), {"emails": lines, "role": "support"}, follow=True)
    assert set(Invitation.unscoped.values_list("email", flat=True)) == {
        "A@halyard.example",
        "b@halyard.example",
    }
    assert b"2 of 3 addresses" in answer.content
    assert b"in the team already" in answer.content


def test_one_bad_line_sends_nothing_and_is_named(client, cast):
    cast.sign_in(client, "owner")
    lines = "a@halyard.example\nsomebody@gmail.com\nb@halyard.example"
    answer = client.post(place(cast, "member_invite_many"), {"emails": lines, "role": "support"})
    assert answer.status_code == 422
    assert b"somebody@gmail.com" in answer.content
    assert not Invitation.unscoped.exists()
    many = "\n".join(f"p{number}@halyard.example" for number in range(21))
    assert (
        client.post(place(cast, "member_invite_many"), {"emails": many, "role": "support"}).status_code == 422
    )


def test_role_and_end_of_the_invitation_become_the_members(cast):
    ends_at = NOW() + timedelta(days=40)
    invitation = invite(cast, role=Role.ANALYST, member_ends_at=ends_at)
    assert (invitation.role, invitation.member_ends_at) == (Role.ANALYST, ends_at)


def test_list_says_which_are_over_and_who_sent_them(client, cast):
    invite(cast, who="admin")
    over = invite(cast, "old@halyard.example")
    Invitation.unscoped.filter(pk=over.pk).update(
        sent_at=NOW() - timedelta(days=9), expires_at=NOW() - timedelta(days=2)
    )
    cast.sign_in(client, "owner")
    text = client.get(place(cast, "invitation_list")).content.decode()
    assert "Send a new link" in text
    assert "Send again" in text
    assert "by Admin Person" in text
    assert "by you" in text
    assert client.get(place(cast, "invitation_list") + "?page=x").status_code == 200


def test_database_refuses_an_invitation_to_be_the_owner(cast):
    with pytest.raises(Exception, match="invitation_role"), transaction.atomic():
        Invitation.objects.create(
            account=cast.account,
            email=INVITED,
            email_key=INVITED,
            role="owner",
            expires_at=NOW() + timedelta(days=1),
        )
    assert connection.vendor == "postgresql"
    assert member_of(cast, "owner").role == Membership(role="owner").role
