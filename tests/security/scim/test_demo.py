"""The demo's accounts come with a directory that works."""

from django.utils import timezone

from console.demo.provisioning import connect
from teams.roles import Role
from tests.security.scim.scim_steps import Directory
from tests.teams.team_steps import actor_of, member_of


def test_demo_account_has_a_directory_with_groups(cast):
    given = connect({"account": cast.account, "actor": actor_of(cast, "owner")}, now=timezone.now())
    assert given["base_url"].endswith("/scim/v2")
    found = Directory(given["token"]).call("GET", "/Groups").json()
    assert {one["displayName"] for one in found["Resources"]} == {"Engineering", "Finance", "Everyone"}
    assert member_of(cast, "developer").role == Role.DEVELOPER
    assert member_of(cast, "owner").role == Role.OWNER
