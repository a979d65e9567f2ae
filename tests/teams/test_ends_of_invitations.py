"""Invitations end with the right of who sent them, and are used up by nothing that joins nobody."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from console.core.requests import Origin
from teams import services
from teams.links import InvitationRefused
from teams.models import Invitation, Membership
from teams.roles import Role
from tests.factories import make_member, make_user
from tests.teams.team_steps import INVITED, actor_of, invite, kinds, link_of, member_of
from tests.work import mails_to

NOW = timezone.now
SIGN_UP = {"full_name": "Noor Haddad", "password": "violet kettle argues at dawn", "terms": "on"}


def _remove(cast):
    services.remove_member(
        actor=actor_of(cast, "owner"), member_id=member_of(cast, "admin").public_id, now=NOW()
    )


def _demote(cast):
    member = member_of(cast, "admin").public_id
    services.change_role(actor=actor_of(cast, "owner"), member_id=member, role=Role.SUPPORT, now=NOW())


def _suspend(cast):
    services.suspend_member(
        actor=actor_of(cast, "owner"), member_id=member_of(cast, "admin").public_id, now=NOW()
    )


def _end(cast):
    Membership.objects.of(cast.account).filter(user=cast.admin).update(ends_at=NOW() - timedelta(minutes=1))
    services.sweep_ends(now=NOW())


@pytest.mark.parametrize("lose", [_remove, _demote, _suspend, _end])
def test_invitation_ends_with_the_right_of_who_sent_it(client, cast, lose):
    theirs, others = invite(cast, who="admin"), invite(cast, "other@halyard.example")
    link = link_of(theirs)
    lose(cast)
    theirs.refresh_from_db()
    others.refresh_from_db()
    assert (theirs.is_open, theirs.is_orphaned, others.is_open) == (False, True, True)
    assert kinds(cast).count("invitation:ended") == 1
    page = client.get(link, follow=True)
    assert page.status_code == 410
    assert b"may not invite people" in page.content
    assert b"Ask for a new link" in page.content
    assert mails_to(INVITED)
    # Somebody who may invites the address anew.
    assert invite(cast).pk != theirs.pk


def test_admin_who_becomes_nothing_less_keeps_the_invitations(cast):
    invitation = invite(cast, who="admin")
    member = member_of(cast, "admin").public_id
    services.change_role(actor=actor_of(cast, "owner"), member_id=member, role=Role.ADMIN, now=NOW())
    invitation.refresh_from_db()
    assert invitation.is_open


def _accept(invitation, person):
    return services.accept_invitation(
        invitation_id=invitation.public_id, user=person, origin=Origin(), now=NOW()
    )


def test_ended_membership_goes_on_as_the_invitation_says(cast):
    invitation, person = invite(cast, role=Role.ANALYST), make_user(INVITED)
    make_member(cast.account, role=Role.DEVELOPER, user=person)
    Membership.objects.of(cast.account).filter(user=person).update(ends_at=NOW() - timedelta(days=1))
    member = _accept(invitation, person)
    assert (member.is_live(NOW()), member.role, member.ends_at) == (True, Role.ANALYST, None)
    assert kinds(cast)[-1] == "member:joined"


def test_suspended_member_does_not_use_the_invitation_up(client, cast):
    invitation, person = invite(cast), make_user(INVITED)
    make_member(cast.account, user=person)
    Membership.objects.of(cast.account).filter(user=person).update(suspended_at=NOW())
    with pytest.raises(InvitationRefused, match="suspended"):
        _accept(invitation, person)
    invitation.refresh_from_db()
    assert invitation.is_open


@pytest.mark.parametrize("change", [{"revoked_at": True}, {"turn": 2}], ids=["revoked", "sent again"])
def test_invitation_that_ended_while_the_person_typed_makes_no_user(client, cast, monkeypatch, change):
    invitation = invite(cast)
    client.get(link_of(invitation), follow=True)
    from teams.services import joining

    hashed = joining.hash_password

    def end_meanwhile(password):
        values = {name: NOW() if value is True else value for name, value in change.items()}
        Invitation.unscoped.filter(pk=invitation.pk).update(**values)
        return hashed(password)

    monkeypatch.setattr(joining, "hash_password", end_meanwhile)
    answer = client.post("/invitation/sign-up/", SIGN_UP)
    assert answer.status_code == 410, answer.content
    assert not User.objects.filter(email=INVITED).exists()
