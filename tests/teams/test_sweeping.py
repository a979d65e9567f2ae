"""What the sweep tells: each end once, whatever comes between."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import Session
from teams import services
from teams.models import Invitation, Membership
from teams.roles import Role
from tests.conftest import sign_in
from tests.teams.team_steps import INVITED, actor_of, invite, kinds, member_of
from tests.work import mails_to

NOW = timezone.now


def test_membership_that_ends_soon_is_told_to_both_sides_once(cast):
    Membership.unscoped.filter(user=cast.support).update(ends_at=NOW() + timedelta(days=6))
    assert services.sweep_ends(now=NOW()) == 1
    assert services.sweep_ends(now=NOW()) == 0
    assert "ends soon" in mails_to(cast.support.email)[-1].subject
    assert (
        "Support Person's membership of Halyard Logistics ends soon" in mails_to(cast.owner.email)[-1].subject
    )
    services.change_end(
        actor=actor_of(cast, "owner"),
        member_id=member_of(cast, "support").public_id,
        ends_at=NOW() + timedelta(days=3),
        now=NOW(),
    )
    assert services.sweep_ends(now=NOW()) == 1


def test_membership_that_ended_is_recorded_and_signed_out(cast, client):
    sign_in(client, cast.support)
    Membership.unscoped.filter(user=cast.support).update(ends_at=NOW() - timedelta(minutes=1))
    assert services.sweep_ends(now=NOW()) == 1
    assert services.sweep_ends(now=NOW()) == 0
    assert kinds(cast) == ["member:ended"]
    assert not Session.objects.filter(user=cast.support).exists()
    assert Membership.objects.of(cast.account).filter(user=cast.support).exists()
    assert "has ended" in mails_to(cast.support.email)[-1].subject


def test_raise_that_ran_out_is_told_once_and_ends_the_confirmation(cast, client):
    sign_in(client, cast.developer)
    services.raise_member(
        actor=actor_of(cast, "owner"),
        member_id=member_of(cast, "developer").public_id,
        reason="Night shift",
        now=NOW() - timedelta(minutes=61),
    )
    Session.objects.filter(user=cast.developer).update(confirmed_at=NOW())
    assert services.sweep_ends(now=NOW()) == 1
    assert services.sweep_ends(now=NOW()) == 0
    assert not Session.objects.filter(user=cast.developer).exclude(confirmed_at=None).exists()
    assert "You are Developer in Halyard Logistics again" in mails_to(cast.developer.email)[-1].subject


def test_invitation_that_nobody_accepted_is_told_to_who_invited(cast):
    invitation = invite(cast, who="admin")
    mails_to(INVITED)
    Invitation.unscoped.update(sent_at=NOW() - timedelta(days=8), expires_at=NOW() - timedelta(days=1))
    assert services.sweep_ends(now=NOW()) == 1
    assert services.sweep_ends(now=NOW()) == 0
    assert "Nobody accepted" in mails_to(cast.admin.email)[-1].subject
    assert not any("Nobody" in mail.subject for mail in mails_to(cast.owner.email))
    services.resend_invitation(
        actor=actor_of(cast, "owner"), invitation_id=invitation.public_id, now=NOW() - timedelta(days=8)
    )
    assert services.sweep_ends(now=NOW()) == 1


def test_row_that_another_worker_holds_is_left_to_it(cast):
    Membership.unscoped.filter(user=cast.support).update(ends_at=NOW() - timedelta(minutes=1))
    assert services.sweep_ends(now=NOW() - timedelta(hours=1)) == 1  # ends soon
    assert kinds(cast) == ["member:end-near"]
    assert member_of(cast, "support").role == Role.SUPPORT
