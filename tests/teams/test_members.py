"""Role, raise, end, sessions and removal: who may, what it does at the next request, and who is told."""

import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import ApiIdentity, Credential, Session
from console.core.access import AccessRefused
from console.core.requests import Origin
from teams import services
from teams.models import Membership
from teams.queries import resolve_actor
from teams.roles import Role
from tests.conftest import sign_in
from tests.factories import make_account, make_member
from tests.teams.team_steps import actor_of, kinds, member_of, place
from tests.work import mails_to

NOW = timezone.now


def _named(cast, user):
    identity = ApiIdentity.objects.get(auth_id=cast.account.auth_id)
    digest = uuid.uuid4().bytes * 2
    return Credential.objects.create(
        identity=identity,
        kind="named",
        name="CI",
        permissions=[],
        prefix="pbt_x",
        last_four="abcd",
        digest=digest,
        made_by=user,
    )


def test_admin_changes_a_role_and_both_sides_are_told(client, cast):
    cast.sign_in(client, "admin")
    member = member_of(cast, "developer")
    answer = client.post(place(cast, "member_role", member=member.public_id), {"role": "support"})
    assert answer.status_code == 302
    member.refresh_from_db()
    assert member.role == Role.SUPPORT
    assert kinds(cast)[-1] == "member:role-changed"
    assert "Your role in Halyard Logistics is Support now" in mails_to(cast.developer.email)[-1].subject
    assert "is Support in Halyard Logistics now" in mails_to(cast.owner.email)[-1].subject
    assert "Developer" in mails_to(cast.admin.email)[-1].body


def test_role_counts_at_the_very_next_request_of_an_open_tab(client, cast):
    cast.sign_in(client, "developer")
    address = f"/{cast.account.auth_id}/account/settings/credentials/"
    assert client.get(address).status_code == 200
    services.change_role(
        actor=actor_of(cast, "owner"),
        member_id=member_of(cast, "developer").public_id,
        role=Role.SUPPORT,
        now=NOW(),
    )
    assert client.get(address).status_code == 403


def test_change_of_role_ends_the_window_of_confirmation(client, cast):
    cast.sign_in(client, "admin")
    assert Session.objects.filter(user=cast.admin).exclude(confirmed_at=None).exists()
    services.change_role(
        actor=actor_of(cast, "owner"),
        member_id=member_of(cast, "admin").public_id,
        role=Role.DEVELOPER,
        now=NOW(),
    )
    assert not Session.objects.filter(user=cast.admin).exclude(confirmed_at=None).exists()


def test_the_same_role_again_changes_and_tells_nothing(cast):
    member = member_of(cast, "developer")
    services.change_role(
        actor=actor_of(cast, "owner"), member_id=member.public_id, role=Role.DEVELOPER, now=NOW()
    )
    assert "member:role-changed" not in kinds(cast)


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_nobody_changes_demotes_or_removes_the_owner(client, cast, who):
    cast.sign_in(client, who)
    owner = member_of(cast, "owner")
    client.post(place(cast, "member_role", member=owner.public_id), {"role": "developer"})
    client.post(place(cast, "member_remove", member=owner.public_id))
    client.post(place(cast, "member_end", member=owner.public_id), {"until": "2027-01-01"})
    client.post(place(cast, "member_raise", member=owner.public_id), {"reason": "x"})
    owner.refresh_from_db()
    assert (owner.role, owner.ends_at, owner.raised_until) == (Role.OWNER, None, None)


def test_nobody_becomes_the_owner_through_the_form(client, cast):
    cast.sign_in(client, "owner")
    member = member_of(cast, "admin")
    answer = client.post(place(cast, "member_role", member=member.public_id), {"role": "owner"})
    assert answer.status_code == 422
    with pytest.raises(services.OwnerStays):
        services.change_role(
            actor=actor_of(cast, "owner"), member_id=member.public_id, role=Role.OWNER, now=NOW()
        )


@pytest.mark.parametrize("who", ["developer", "support", "analyst"])
def test_services_ask_for_the_right_themselves(cast, who):
    actor, member = actor_of(cast, who), member_of(cast, "admin").public_id
    deeds = (
        lambda: services.change_role(actor=actor, member_id=member, role=Role.SUPPORT, now=NOW()),
        lambda: services.raise_member(actor=actor, member_id=member, reason="x", now=NOW()),
        lambda: services.lower_member(actor=actor, member_id=member, now=NOW()),
        lambda: services.change_end(actor=actor, member_id=member, ends_at=None, now=NOW()),
        lambda: services.end_sessions_of(actor=actor, member_id=member),
        lambda: services.remove_member(actor=actor, member_id=member, now=NOW()),
        lambda: services.invite_member(actor=actor, email="a@b.example", role=Role.SUPPORT, now=NOW()),
        lambda: services.resend_invitation(actor=actor, invitation_id=member, now=NOW()),
        lambda: services.revoke_invitation(actor=actor, invitation_id=member, now=NOW()),
    )
    for deed in deeds:
        with pytest.raises(AccessRefused):
            deed()


def test_another_accounts_member_is_not_found(client, cast):
    stranger = make_member(cast.other_account, role=Role.DEVELOPER)
    foreign = Membership.objects.of(cast.other_account).get(user=stranger)
    cast.sign_in(client, "owner")
    for name in ("member", "member_role", "member_raise", "member_end", "member_sessions", "member_remove"):
        assert client.get(place(cast, name, member=foreign.public_id)).status_code == 404
        answer = client.post(place(cast, name, member=foreign.public_id), {"role": "support"})
        assert answer.status_code == (405 if name == "member" else 404)
    assert Membership.objects.of(cast.other_account).filter(user=stranger, role="developer").exists()


def test_removal_ends_access_tokens_and_sessions_at_once(client, cast):
    token = _named(cast, cast.developer)
    cast.sign_in(client, "developer")
    page = client.get(f"/{cast.account.auth_id}/")
    assert page.status_code == 200
    services.remove_member(
        actor=actor_of(cast, "owner"), member_id=member_of(cast, "developer").public_id, now=NOW()
    )
    token.refresh_from_db()
    assert token.ended_at is not None
    assert not Session.objects.filter(user=cast.developer).exists()
    assert client.get(f"/{cast.account.auth_id}/").status_code == 302
    assert "You were removed from Halyard Logistics" in mails_to(cast.developer.email)[-1].subject
    assert "was removed" in mails_to(cast.admin.email)[-1].subject


def test_who_is_in_another_account_stays_signed_in_there(client, cast):
    elsewhere = make_account("Second Company", owner=cast.developer)
    cast.sign_in(client, "developer")
    services.remove_member(
        actor=actor_of(cast, "owner"), member_id=member_of(cast, "developer").public_id, now=NOW()
    )
    assert client.get(f"/{cast.account.auth_id}/").status_code == 404
    assert client.get(f"/{elsewhere.auth_id}/").status_code == 200
    assert not Session.objects.filter(user=cast.developer).exclude(confirmed_at=None).exists()


def test_removing_twice_says_so_the_second_time(cast):
    member = member_of(cast, "support").public_id
    services.remove_member(actor=actor_of(cast, "owner"), member_id=member, now=NOW())
    with pytest.raises(services.NoSuchMember):
        services.remove_member(actor=actor_of(cast, "owner"), member_id=member, now=NOW())
    assert kinds(cast).count("member:removed") == 1


def test_dialogs_say_what_happens_before_the_button(client, cast):
    cast.sign_in(client, "owner")
    member = member_of(cast, "developer").public_id
    _named(cast, cast.developer)
    assert b"stop working: 1" in client.get(place(cast, "member_remove", member=member)).content
    assert b"next click" in client.get(place(cast, "member_role", member=member)).content
    assert b"every device" in client.get(place(cast, "member_sessions", member=member)).content
    assert b"ends by itself" in client.get(place(cast, "member_raise", member=member)).content


def test_dangerous_acts_ask_for_a_fresh_confirmation(client, cast):
    cast.sign_in(client, "owner", confirmed=False)
    member = member_of(cast, "developer").public_id
    for name in ("member_role", "member_raise", "member_end", "member_sessions", "member_remove"):
        answer = client.post(place(cast, name, member=member), {"role": "admin", "reason": "x"})
        assert answer.status_code == 303
        assert "/confirm/" in answer.url
    assert member_of(cast, "developer").role == Role.DEVELOPER


def test_member_is_signed_out_everywhere(client, cast):
    sign_in(client, cast.developer)
    other = client.__class__()
    cast.sign_in(other, "owner")
    other.post(place(cast, "member_sessions", member=member_of(cast, "developer").public_id))
    assert not Session.objects.filter(user=cast.developer).exists()
    assert "signed out everywhere" in mails_to(cast.developer.email)[-1].subject


# --- A raise for an hour ----------------------------------------------------------------------


def _raise(cast, who="developer", by="owner"):
    return services.raise_member(
        actor=actor_of(cast, by), member_id=member_of(cast, who).public_id, reason="Night shift", now=NOW()
    )


def test_raised_member_is_admin_for_an_hour_and_then_not(client, cast):
    _raise(cast)
    cast.sign_in(client, "developer")
    log = f"/{cast.account.auth_id}/account/settings/audit-log/"
    assert client.get(log).status_code == 200
    Membership.unscoped.filter(user=cast.developer).update(raised_until=NOW() - timedelta(seconds=1))
    assert client.get(log).status_code == 403
    assert "Night shift" in mails_to(cast.developer.email)[-1].body
    assert "Night shift" in mails_to(cast.admin.email)[-1].body


def test_raised_member_does_not_change_the_team(cast):
    _raise(cast)
    actor = actor_of(cast, "developer")
    own = member_of(cast, "developer").public_id
    with pytest.raises(services.RaisedOnly):
        services.change_role(actor=actor, member_id=own, role=Role.ADMIN, now=NOW())
    with pytest.raises(services.RaisedOnly):
        services.raise_member(actor=actor, member_id=own, reason="more", now=NOW())
    with pytest.raises(services.RaisedOnly):
        services.invite_member(actor=actor, email="friend@halyard.example", role=Role.ADMIN, now=NOW())


def test_raise_ends_early_by_a_button_pressed_twice(client, cast):
    _raise(cast)
    cast.sign_in(client, "owner")
    address = place(cast, "member_lower", member=member_of(cast, "developer").public_id)
    assert client.post(address).status_code == 302
    assert client.post(address).status_code == 302
    assert member_of(cast, "developer").raised_until is None
    assert kinds(cast).count("member:lowered") == 1


def test_admin_is_not_raised_and_a_reason_is_needed(client, cast):
    with pytest.raises(services.NoSuchMember):
        _raise(cast, "admin")
    cast.sign_in(client, "owner")
    address = place(cast, "member_raise", member=member_of(cast, "support").public_id)
    for reason in ("", "   ", "a\x00b", "x" * 500):
        assert client.post(address, {"reason": reason}).status_code == 422


# --- An end -------------------------------------------------------------------------------------


def test_end_date_is_the_last_day_in_the_accounts_time_zone(client, cast):
    cast.account.time_zone = "America/New_York"
    cast.account.save()
    cast.sign_in(client, "owner")
    address = place(cast, "member_end", member=member_of(cast, "support").public_id)
    day = (NOW() + timedelta(days=30)).date()
    assert client.post(address, {"until": day.isoformat()}).status_code == 302
    ends_at = member_of(cast, "support").ends_at
    assert ends_at.tzinfo is not None
    assert (ends_at - timedelta(seconds=1)).astimezone(ZoneInfo("America/New_York")).date() == day
    assert b'value="' + day.isoformat().encode() in client.get(address).content


@pytest.mark.parametrize("until", ["2020-01-01", "9999-12-31", "tomorrow", "2027-02-30"])
def test_impossible_end_is_refused(client, cast, until):
    cast.sign_in(client, "owner")
    address = place(cast, "member_end", member=member_of(cast, "support").public_id)
    assert client.post(address, {"until": until}).status_code == 422
    assert member_of(cast, "support").ends_at is None


def test_ended_member_is_out_at_the_next_request_and_back_with_another_end(client, cast):
    cast.sign_in(client, "support")
    Membership.unscoped.filter(user=cast.support).update(ends_at=NOW() - timedelta(seconds=1))
    assert client.get(f"/{cast.account.auth_id}/").status_code == 404
    services.change_end(
        actor=actor_of(cast, "owner"), member_id=member_of(cast, "support").public_id, ends_at=None, now=NOW()
    )
    assert client.get(f"/{cast.account.auth_id}/").status_code == 200
    assert "has no end now" in mails_to(cast.support.email)[-1].subject


def test_outsider_resolves_to_nobody(cast):
    assert resolve_actor(cast.outsider, auth_id=cast.account.auth_id, origin=Origin()) is None
    assert settings.CONSOLE_RAISE_MINUTES == 60
