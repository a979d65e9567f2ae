"""A team needs a plan: what opens without one, in the days of grace, and after a renewal; and who is told."""

from datetime import timedelta

import pytest
from django.contrib.admin.sites import site
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from billing import services as billing
from billing.models import Plan
from billing.queries import current_plan
from console.core.access import Actor, ReadOnly
from teams import services
from teams.queries import contacts_of
from teams.roles import Role
from tests.factories import make_account, make_plan, make_user
from tests.teams.team_steps import actor_of, invite, kinds, member_of, place
from tests.work import mails_to

NOW = timezone.now


def _ended(cast, days):
    Plan.unscoped.filter(account=cast.account).update(
        starts_at=NOW() - timedelta(days=365), ends_at=NOW() - timedelta(days=days)
    )


def test_without_a_plan_the_owner_alone_gets_in(client, cast):
    Plan.unscoped.all().delete()
    for who in ("admin", "developer", "support", "analyst"):
        cast.sign_in(client, who)
        assert client.get(f"/{cast.account.auth_id}/").status_code == 404
        home = client.get("/")
        assert home.status_code == 200
        assert b"Closed to members" in home.content
    cast.sign_in(client, "owner")
    assert client.get(f"/{cast.account.auth_id}/").status_code == 200


def test_team_page_explains_the_plan_and_talks_to_sales(client, cast):
    Plan.unscoped.all().delete()
    cast.sign_in(client, "owner")
    page = client.get(place(cast, "member_list")).content.decode()
    assert "$750" in page
    assert "Talk to sales" in page
    assert "Add New User" not in page
    answer = client.post(place(cast, "member_invite"), {"email": "a@halyard.example", "role": "support"})
    assert answer.status_code == 422
    assert b"committed plan" in answer.content
    with pytest.raises(services.PlanNeeded):
        invite(cast)


def test_owner_without_a_plan_still_removes_members(cast):
    Plan.unscoped.all().delete()
    member = member_of(cast, "support").public_id
    services.remove_member(actor=actor_of(cast, "owner"), member_id=member, now=NOW())


def test_in_grace_members_look_and_change_nothing(client, cast):
    _ended(cast, 5)
    cast.sign_in(client, "admin")
    page = client.get(place(cast, "member_list"))
    assert page.status_code == 200
    assert b"has ended" in page.content
    answer = client.post(place(cast, "member_remove", member=member_of(cast, "support").public_id))
    assert answer.status_code == 403
    assert b"Nothing can be changed now" in answer.content
    assert client.post(f"/{cast.account.auth_id}/account/settings/company/", {"name": "X"}).status_code in {
        403,
        404,
    }
    assert member_of(cast, "support")


def test_in_grace_services_refuse_too_and_ones_own_stays_open(client, cast):
    _ended(cast, 5)
    with pytest.raises(ReadOnly):
        services.remove_member(
            actor=actor_of(cast, "admin"), member_id=member_of(cast, "support").public_id, now=NOW()
        )
    cast.sign_in(client, "developer")
    profile = reverse("accounts:profile", kwargs={"account": cast.account.auth_id})
    assert client.post(profile, {"full_name": "Dev Renamed"}).status_code != 403
    services.remove_member(
        actor=actor_of(cast, "owner"), member_id=member_of(cast, "support").public_id, now=NOW()
    )


def test_after_grace_members_are_suspended_and_a_renewal_brings_all_back(client, cast):
    _ended(cast, 15)
    cast.sign_in(client, "developer")
    assert client.get(f"/{cast.account.auth_id}/").status_code == 404
    assert [person.email for person in contacts_of(cast.account)] == [cast.owner.email]
    make_plan(cast.account)
    assert client.get(f"/{cast.account.auth_id}/").status_code == 200
    assert current_plan(cast.account, now=NOW()) is not None


def test_plan_that_has_not_begun_opens_nothing(client, cast):
    Plan.unscoped.all().delete()
    make_plan(cast.account, starts_at=NOW() + timedelta(days=1))
    cast.sign_in(client, "admin")
    assert client.get(f"/{cast.account.auth_id}/").status_code == 404


def test_everybody_is_told_at_each_stage_once(cast):
    _ended(cast, 0)
    assert billing.sweep_plans(now=NOW()) == 1
    assert billing.sweep_plans(now=NOW()) == 0
    _ended(cast, 11)
    assert billing.sweep_plans(now=NOW()) == 1
    _ended(cast, 14)
    assert billing.sweep_plans(now=NOW()) == 1
    assert billing.sweep_plans(now=NOW()) == 0
    assert kinds(cast) == ["plan:ended", "plan:grace-ending", "plan:grace-ended"]
    subjects = [mail.subject for mail in mails_to(cast.developer.email)]
    assert subjects[0] == "The plan of Halyard Logistics has ended"
    assert "is suspended on" in subjects[1]
    assert subjects[2] == "The team of Halyard Logistics is suspended"
    assert "Talk to sales" in mails_to(cast.owner.email)[0].body


def test_renewed_plan_ends_in_silence(cast):
    _ended(cast, 0)
    make_plan(cast.account)
    billing.sweep_plans(now=NOW())
    assert kinds(cast) == []


def test_sweep_after_a_long_silence_goes_through_every_stage_once(cast):
    _ended(cast, 200)
    for _ in range(4):
        billing.sweep_plans(now=NOW())
    assert len(kinds(cast)) == 3


def _staff(cast):
    return Actor(user=cast.staff, kind="staff")


def test_staff_commit_a_plan_in_the_admin(client, db):
    staff = make_user("s@patchbay.example", is_staff=True, is_superuser=True)
    account = make_account("Brightwater", owner=make_user())
    from tests.conftest import sign_in

    sign_in(client, staff)
    start = timezone.localdate()
    data = {
        "account": account.pk,
        "monthly_amount": "749.99",
        "starts_at_0": start.isoformat(),
        "starts_at_1": "00:00:00",
        "ends_at_0": (start + timedelta(days=365)).isoformat(),
        "ends_at_1": "00:00:00",
        "reason": "Contract 7",
    }
    refused = client.post(reverse("admin:billing_plan_add"), data)
    assert b"begins at 750" in refused.content
    client.post(reverse("admin:billing_plan_add"), data | {"monthly_amount": "750"})
    assert Plan.objects.of(account).get().reason == "Contract 7"
    again = client.post(reverse("admin:billing_plan_add"), data | {"monthly_amount": "900"})
    assert b"Another plan" in again.content
    assert site.is_registered(Plan)


def test_customers_commit_no_plan(cast):
    plan = Plan(
        account=cast.other_account,
        monthly_amount=900,
        starts_at=NOW(),
        ends_at=NOW() + timedelta(days=9),
        reason="x",
    )
    from console.core.access import AccessRefused

    with pytest.raises(AccessRefused):
        billing.commit_plan(actor=actor_of(cast, "owner"), plan=plan)
    billing.commit_plan(actor=_staff(cast), plan=plan)
    with pytest.raises(billing.PlanRefused):
        billing.commit_plan(
            actor=_staff(cast),
            plan=Plan(
                account=cast.other_account, monthly_amount=900, starts_at=NOW(), ends_at=NOW(), reason="x"
            ),
        )
    assert Account.objects.get(pk=cast.other_account.pk).plans.count() == 1
    assert Role.OWNER


def test_files_can_be_read_in_the_days_of_grace(client, cast):
    _ended(cast, 3)
    cast.sign_in(client, "admin")
    assert client.post(place(cast, "roster_csv")).status_code == 200
    for name in ("audit_csv", "audit_json"):
        address = reverse(f"security:{name}", kwargs={"account": cast.account.auth_id})
        answer = client.post(address)
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content)
    assert client.post(place(cast, "review_finish")).status_code == 403


def test_tabs_count_members_on_every_page(client, cast):
    invite(cast)
    cast.sign_in(client, "owner")
    for name in ("member_list", "invitation_list", "role_list"):
        page = client.get(place(cast, name)).content.decode()
        assert 'Members <span class="tabs__count">5</span>' in page, name
