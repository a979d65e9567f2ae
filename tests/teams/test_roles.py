"""The table of rights is drawn from the code, looking as another role adds none, and staff hand accounts over."""

import csv
import io

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Session
from console.core.access import AccessRefused, ReadOnly, find_access
from console.core.permissions import Permission
from teams import preview, services
from teams.models import Membership
from teams.roles import RIGHTS, Role, covered_rights, matrix
from tests.architecture.routes import arguments_of, console_routes
from tests.teams.team_steps import actor_of, kinds, member_of, place
from tests.work import mails_to

ROUTES = [route for route in console_routes() if isinstance(find_access(route.view).right, Permission)]


def test_table_speaks_of_every_right():
    assert covered_rights() == set(Permission)


@pytest.mark.parametrize(
    ("area", "words"),
    [
        ("Overview", ["Manage"] * 5),
        ("Usage logs and charts", ["Manage", "Manage", "Read", "Read", "Nothing"]),
        ("Subaccounts", ["Manage", "Manage", "Read", "Nothing", "Nothing"]),
        ("Applications, numbers, endpoints, sender IDs", ["Manage"] * 3 + ["Nothing"] * 2),
        ("Auth ID and own named tokens", ["Manage"] * 3 + ["Nothing"] * 2),
        ("Any token", ["Manage"] * 2 + ["Nothing"] * 3),
        (
            "Billing, payments, invoices, refunds, balance alerts",
            ["Manage"] * 2 + ["Nothing"] * 2 + ["Manage"],
        ),
        ("Pricing", ["Read"] * 5),
        ("Team", ["Manage"] * 2 + ["Nothing"] * 3),
        ("Audit log", ["Manage"] * 2 + ["Nothing"] * 3),
        ("Company profile, service address, time zone", ["Manage"] * 2 + ["Nothing"] * 2 + ["Read"]),
        ("Close account", ["Manage"] * 2 + ["Nothing"] * 3),
        ("Support tickets", ["Manage"] * 2 + ["Own"] * 3),
    ],
)
def test_table_is_the_one_of_the_product(area, words):
    assert dict(row for _, rows in matrix() for row in rows)[area] == words


def test_table_follows_the_code(client, cast, monkeypatch):
    monkeypatch.setitem(RIGHTS, Role.SUPPORT, RIGHTS[Role.SUPPORT] | {Permission.AUDIT_VIEW})
    assert dict(row for _, rows in matrix() for row in rows)["Audit log"][3] == "Manage"
    cast.sign_in(client, "owner")
    answer = client.get(place(cast, "role_csv"))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert next(row for row in rows if row["Area"] == "Audit log")["Support"] == "Manage"
    assert b"1 member" in client.get(place(cast, "role_list")).content


def _look(client, cast, role, who="admin"):
    cast.sign_in(client, who)
    return client.post(place(cast, "role_view", role=role), follow=True)


def test_admin_sees_the_console_as_support(client, cast):
    page = _look(client, cast, "support").content.decode()
    assert "You see the console as Support" in page
    assert "IP Whitelisting" not in page
    assert client.get(place(cast, "member_list")).status_code == 403
    assert kinds(cast)[-1] == "role:seen"
    client.post(reverse("teams:role_leave", kwargs={"auth_id": cast.account.auth_id}))
    assert client.get(place(cast, "member_list")).status_code == 200


@pytest.mark.parametrize("role", ["admin", "developer", "support", "analyst"])
def test_every_change_is_refused_while_looking(client, cast, role):
    _look(client, cast, role)
    for route in ROUTES:
        answer = client.post(reverse(route.name, kwargs=arguments_of(route, cast.account.auth_id)))
        assert answer.status_code == 403, route.name


def test_looking_never_widens_rights(client, cast):
    _look(client, cast, "admin", who="admin")
    session = client.session
    session["seen_as"] = {cast.account.auth_id: "admin"}
    session.save()
    services.change_role(
        actor=actor_of(cast, "owner"),
        member_id=member_of(cast, "admin").public_id,
        role=Role.SUPPORT,
        now=timezone.now(),
    )
    assert client.get(place(cast, "member_list")).status_code == 403
    other = client.__class__()
    cast.sign_in(other, "developer")
    assert other.post(place(cast, "role_view", role="admin")).status_code == 403


def test_services_refuse_while_looking(rf, cast):
    request = rf.get("/")
    request.session = {"seen_as": {cast.account.auth_id: "admin"}}
    actor = preview.see_as(request, actor_of(cast, "owner"))
    assert actor.rights == RIGHTS[Role.ADMIN]
    with pytest.raises(ReadOnly):
        services.remove_member(
            actor=actor, member_id=member_of(cast, "support").public_id, now=timezone.now()
        )
    with pytest.raises(ReadOnly):
        services.note_role_seen(actor=actor, role=Role.SUPPORT)


@pytest.mark.parametrize("role", ["owner", "root"])
def test_nobody_looks_as_the_owner(client, cast, role):
    cast.sign_in(client, "admin")
    assert client.post(place(cast, "role_view", role=role)).status_code == 404


def test_looking_holds_for_one_account_only(client, cast):
    from tests.factories import make_account

    second = make_account("Second", owner=cast.admin)
    _look(client, cast, "support")
    page = client.get(f"/{second.auth_id}/")
    assert b"You see the console as" not in page.content


# --- Handing over -------------------------------------------------------------------------------


def _transfer(client, member, reason="Board decision of 3 March"):
    return client.post(reverse("admin:teams_membership_change", args=[member.pk]), {"reason": reason})


def test_staff_hand_the_account_over_with_a_reason(client, cast):
    cast.sign_in(client, "staff")
    cast.sign_in(client.__class__(), "owner")
    assert _transfer(client, member_of(cast, "developer"), "").status_code == 200
    assert _transfer(client, member_of(cast, "developer")).status_code == 302
    assert member_of(cast, "developer").role == Role.OWNER
    assert member_of(cast, "owner").role == Role.ADMIN
    assert kinds(cast)[-1] == "ownership:transferred"
    assert not Session.objects.filter(user=cast.owner).exclude(confirmed_at=None).exists()
    assert "You are the owner of Halyard Logistics now" in mails_to(cast.developer.email)[-1].subject
    assert "is the owner of Halyard Logistics now" in mails_to(cast.owner.email)[-1].subject


def test_owner_is_not_handed_over_to_themselves_and_customers_hand_over_nothing(client, cast):
    cast.sign_in(client, "staff")
    assert b"Choose a member who is not the owner" in _transfer(client, member_of(cast, "owner")).content
    with pytest.raises(AccessRefused):
        services.transfer_ownership(
            actor=actor_of(cast, "owner"),
            account=cast.account,
            member=member_of(cast, "developer"),
            reason="x",
        )
    assert Membership.objects.of(cast.account).filter(role=Role.OWNER).count() == 1
