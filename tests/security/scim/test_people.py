"""People whom a directory adds, changes, suspends and removes: who may come in, at once, and who is told."""

import pytest
from django.utils import timezone

from accounts.models import Session, User
from billing.models import Plan
from console.core.models import AuditEvent
from security.models import ScimUser, SsoConnection
from teams import services as teams
from teams.models import Invitation, Membership
from teams.roles import Role
from tests.conftest import sign_in
from tests.factories import make_member, make_user
from tests.security.scim.scim_steps import directory_of, own_domain
from tests.teams.team_steps import kinds, member_of
from tests.work import mails_to

NEW = "noor@halyard.example"


def _overview(cast, client):
    return client.get(f"/{cast.account.auth_id}/account/settings/profile/").status_code


def test_address_at_a_foreign_domain_is_invited_and_joins_nobody(cast):
    stranger = make_user("mallory@elsewhere.example")
    answer = directory_of(cast).add(stranger.email, name={"formatted": "Renamed By Directory"})
    assert answer.status_code == 201
    assert answer.json()["active"] is True
    assert not Membership.unscoped.filter(user=stranger, account=cast.account).exists()
    assert Invitation.objects.of(cast.account).get().email == stranger.email
    stranger.refresh_from_db()
    assert stranger.full_name == "Alice Okafor"
    # Nothing in the answer says whether the address has a sign-in somewhere.
    other = directory_of(cast).add("nobody@elsewhere.example").json()
    assert set(other) == set(answer.json()) - {"name"}


def test_known_person_at_a_proved_domain_joins_at_once_and_is_told(cast):
    own_domain(cast.account)
    person = make_user(NEW)
    answer = directory_of(cast).add(NEW, displayName="Noor H")
    assert answer.status_code == 201, answer.content
    member = Membership.objects.of(cast.account).get(user=person)
    assert member.role == Role.SUPPORT
    assert "member:added" in kinds(cast)
    assert "You are a member of Halyard Logistics now" in mails_to(NEW)[-1].subject
    assert person.memberships.count() == 1
    person.refresh_from_db()
    assert person.full_name == "Alice Okafor"


def test_new_person_signs_in_by_the_provider_or_by_invitation(cast):
    own_domain(cast.account)
    directory = directory_of(cast)
    assert directory.add("one@halyard.example").status_code == 201
    assert not User.objects.filter(email="one@halyard.example").exists()
    SsoConnection.objects.create(
        account=cast.account, state="on", entity_id="x", sso_url="https://x", sealed_key=b"", certificate="",
        certificate_ends_at=timezone.now(), default_role=Role.ANALYST,
    )  # fmt: skip
    assert directory.add("two@halyard.example", name={"formatted": "Tom Two"}).status_code == 201
    made = User.objects.get(email="two@halyard.example")
    assert (made.full_name, made.has_usable_password(), made.is_staff) == ("Tom Two", False, False)
    assert Membership.objects.of(cast.account).get(user=made).role == Role.ANALYST


@pytest.mark.parametrize("state", [{"is_staff": True}, {"is_active": False}, {"email_verified_at": None}])
def test_odd_owner_of_an_address_is_never_enrolled(cast, state):
    own_domain(cast.account)
    person = make_user(NEW, **state)
    assert directory_of(cast).add(NEW).status_code == 201
    assert not Membership.unscoped.filter(user=person).exists()


def test_invited_person_who_joins_is_the_same_person_to_the_directory(cast):
    directory = directory_of(cast)
    key = directory.add("nia@partner.example").json()["id"]
    person = make_user("nia@partner.example")
    teams.accept_invitation(
        invitation_id=Invitation.objects.of(cast.account).get().public_id,
        user=person,
        origin=_origin(),
        now=timezone.now(),
    )
    assert directory.find(person.email)["id"] == key
    assert directory.suspend(key).json()["active"] is False
    assert Membership.objects.of(cast.account).get(user=person).suspended_at is not None


def _origin():
    from console.core.requests import Origin

    return Origin()


def test_deprovision_counts_at_the_very_next_request(client, cast):
    cast.sign_in(client, "developer")
    assert _overview(cast, client) == 200
    directory = directory_of(cast)
    answer = directory.suspend(directory.find(cast.developer.email)["id"])
    assert answer.json()["active"] is False
    assert _overview(cast, client) in {302, 404}
    assert not Session.objects.filter(user=cast.developer).exists()
    assert "is suspended" in mails_to(cast.developer.email)[-1].subject
    assert "is suspended" in mails_to(cast.owner.email)[-1].subject
    event = AuditEvent.objects.filter(account_id=cast.account.pk, kind="member:suspended").get()
    assert event.actor_kind == "scim"


def test_suspension_leaves_other_accounts_alone_and_ends_by_active(client, cast):
    make_member(cast.other_account, user=cast.developer)
    sign_in(client, cast.developer)
    directory = directory_of(cast)
    key = directory.find(cast.developer.email)["id"]
    directory.suspend(key)
    assert _overview(cast, client) == 404
    other = f"/{cast.other_account.auth_id}/account/settings/profile/"
    assert client.get(other).status_code == 200
    again = directory.patch(f"/Users/{key}", {"op": "Replace", "value": {"active": "True"}})
    assert again.json()["active"] is True
    assert _overview(cast, client) == 200


def test_delete_removes_the_member_and_a_second_time_finds_nobody(client, cast):
    cast.sign_in(client, "support")
    directory = directory_of(cast)
    key = directory.find(cast.support.email)["id"]
    assert directory.call("DELETE", f"/Users/{key}").status_code == 204
    assert directory.call("DELETE", f"/Users/{key}").status_code == 404
    assert _overview(cast, client) in {302, 404}
    assert not Membership.unscoped.filter(user=cast.support).exists()
    assert User.objects.filter(pk=cast.support.pk).exists()


def test_delete_of_an_invited_person_takes_the_invitation_back(cast):
    directory = directory_of(cast)
    key = directory.add(NEW).json()["id"]
    assert directory.call("DELETE", f"/Users/{key}").status_code == 204
    assert Invitation.objects.of(cast.account).get().revoked_at is not None
    assert not ScimUser.objects.of(cast.account).filter(email_key=NEW).exists()


@pytest.mark.parametrize("deed", ["suspend", "delete", "replace"])
def test_owner_stays(cast, deed):
    directory = directory_of(cast)
    found = directory.find(cast.owner.email)
    key = found["id"]
    if deed == "suspend":
        answer = directory.suspend(key)
    elif deed == "delete":
        answer = directory.call("DELETE", f"/Users/{key}")
    else:
        answer = directory.call("PUT", f"/Users/{key}", found | {"active": False, "displayName": "Gone"})
    assert answer.status_code == 403
    assert "owner" in answer.json()["detail"]
    assert member_of(cast, "owner").suspended_at is None
    assert directory.find(cast.owner.email)["displayName"] == "Olivia Owner"


def test_repeats_change_nothing(cast):
    directory = directory_of(cast)
    key = directory.add(NEW).json()["id"]
    assert directory.add(NEW).json()["scimType"] == "uniqueness"
    assert directory.add(NEW.upper()).status_code == 409
    body = directory.call("GET", f"/Users/{key}").json()
    before = kinds(cast)
    first = directory.call("PUT", f"/Users/{key}", body)
    assert (first.status_code, first.json()) == (200, body)
    directory.suspend(directory.find(cast.support.email)["id"])
    count = len(kinds(cast))
    directory.suspend(directory.find(cast.support.email)["id"])
    assert len(kinds(cast)) == count
    assert kinds(cast)[: len(before)] == before


def test_changed_address_of_who_is_invited_moves_the_invitation_and_a_members_stays(cast):
    directory = directory_of(cast)
    key = directory.add(NEW).json()["id"]
    operation = {"op": "replace", "path": "emails[primary eq true].value", "value": "nora@partner.example"}
    assert directory.patch(f"/Users/{key}", operation).status_code == 200
    rows = Invitation.objects.of(cast.account).order_by("pk")
    assert [row.revoked_at is None for row in rows] == [False, True]
    assert rows.last().email == "nora@partner.example"
    key = directory.find(cast.support.email)["id"]
    directory.patch(
        f"/Users/{key}", {"op": "replace", "path": 'emails[type eq "work"].value', "value": "x@y.example"}
    )
    cast.support.refresh_from_db()
    assert cast.support.email == "support@halyard.example"
    assert Invitation.objects.of(cast.account).count() == 2


def test_without_a_plan_nobody_is_added_and_everybody_can_be_removed(cast):
    own_domain(cast.account)
    directory = directory_of(cast)
    Plan.objects.of(cast.account).delete()
    make_user(NEW)
    answer = directory.add(NEW)
    assert answer.status_code == 403
    assert "plan" in answer.json()["detail"]
    assert not ScimUser.objects.of(cast.account).filter(email_key=NEW).exists()
    key = directory.find(cast.support.email)["id"]
    assert directory.call("DELETE", f"/Users/{key}").status_code == 204
