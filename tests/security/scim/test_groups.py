"""Groups of a directory, and the roles that they stand for."""

from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from security.models import ScimGroup, SsoConnection, SsoGroupRole
from security.services.scim_groups import set_group_role
from teams.models import Invitation
from teams.roles import Role
from tests.security.scim.scim_steps import directory_of
from tests.teams.team_steps import actor_of, member_of


def _give(cast, group, role):
    set_group_role(actor=actor_of(cast, "owner"), public_id=group["id"], role=role, now=timezone.now())


def test_group_gives_its_role_and_takes_it(cast):
    directory = directory_of(cast)
    key = directory.find(cast.support.email)["id"]
    engineers = directory.add_group("Engineers", key).json()
    assert member_of(cast, "support").role == Role.SUPPORT
    _give(cast, engineers, Role.DEVELOPER)
    assert member_of(cast, "support").role == Role.DEVELOPER
    admins = directory.add_group("Admins").json()
    _give(cast, admins, Role.ADMIN)
    add = {"op": "Add", "path": "members", "value": [{"value": key}]}
    assert directory.patch(f"/Groups/{admins['id']}", add).status_code == 200
    assert member_of(cast, "support").role == Role.ADMIN
    assert {one["display"] for one in directory.find(cast.support.email)["groups"]} == {"Engineers", "Admins"}
    remove = {"op": "remove", "path": f'members[value eq "{key}"]'}
    directory.patch(f"/Groups/{admins['id']}", remove)
    assert member_of(cast, "support").role == Role.DEVELOPER
    assert directory.call("DELETE", f"/Groups/{engineers['id']}").status_code == 204
    assert member_of(cast, "support").role == Role.SUPPORT


def test_owner_in_a_group_stays_the_owner_and_no_group_makes_one(cast):
    directory = directory_of(cast)
    group = directory.add_group("Everyone", directory.find(cast.owner.email)["id"]).json()
    _give(cast, group, Role.SUPPORT)
    assert member_of(cast, "owner").role == Role.OWNER
    changed = directory.patch(
        f"/Groups/{group['id']}", {"op": "replace", "path": "displayName", "value": "owner"},
        {"op": "replace", "value": {"role": "owner"}},
    )  # fmt: skip
    assert changed.status_code == 200
    assert ScimGroup.objects.of(cast.account).get().role == Role.SUPPORT


def test_invited_person_comes_in_with_the_role_of_their_group(cast):
    directory = directory_of(cast)
    key = directory.add("nia@partner.example").json()["id"]
    _give(cast, directory.add_group("Finance", key).json(), Role.ANALYST)
    assert Invitation.objects.of(cast.account).get().role == Role.ANALYST


def test_group_shares_the_role_that_single_sign_on_gives_its_name(cast):
    connection = SsoConnection.objects.create(
        account=cast.account, sealed_key=b"", certificate="", certificate_ends_at=timezone.now()
    )
    SsoGroupRole.objects.create(connection=connection, group="Builders", role=Role.DEVELOPER)
    directory = directory_of(cast)
    directory.add_group("Builders", directory.find(cast.support.email)["id"])
    assert member_of(cast, "support").role == Role.DEVELOPER


def test_member_of_another_directory_is_refused_as_nobody(cast):
    directory = directory_of(cast)
    answer = directory.add_group("Mixed", "9f0c0a52-0000-4000-8000-000000000000")
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert directory.call("GET", "/Groups").json()["totalResults"] == 0
    directory.add_group("Mixed")
    assert directory.add_group("MIXED").status_code == 409


def test_group_of_many_asks_as_few_questions_as_a_group_of_one(cast):
    directory = directory_of(cast)
    keys = [
        directory.find(getattr(cast, who).email)["id"] for who in ("admin", "developer", "support", "analyst")
    ]
    counts = []
    for name, members in (("One", keys[:1]), ("Many", keys)):
        with CaptureQueriesContext(database) as asked:
            assert directory.add_group(name, *members).status_code == 201
        counts.append(len(asked))
    assert counts[0] == counts[1]
