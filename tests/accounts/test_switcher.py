import pytest
from django.urls import reverse

from accounts import login_steps
from console.core.events import EventKind
from console.core.models import AuditEvent
from teams.roles import Role
from tests.factories import PASSWORD, make_member
from tests.work import newest_code


@pytest.fixture
def both(cast):
    """Make the owner of one account a financial analyst of the other."""
    make_member(cast.other_account, role=Role.ANALYST, user=cast.owner)
    return cast


def profile(account):
    return reverse("accounts:profile", args=[account.auth_id])


def test_switcher_offers_both_accounts_with_the_role_in_each(client, both):
    both.sign_in(client, "owner")
    body = client.get(profile(both.account)).content.decode()
    for account in (both.account, both.other_account):
        assert f'href="/{account.auth_id}/"' in body
    assert "Financial Analyst" in body


def test_two_tabs_work_on_two_accounts(client, both):
    both.sign_in(client, "owner")
    company = {"address": "", "city": "Utrecht", "region": "", "time_zone": "UTC"}
    first = reverse("accounts:company_edit", args=[both.account.auth_id])
    second = reverse("accounts:company_edit", args=[both.other_account.auth_id])
    assert client.get(first).status_code == 200
    assert client.get(profile(both.other_account)).status_code == 200
    assert client.post(first, company | {"name": "Halyard BV"}).url == profile(both.account)
    assert client.post(second, company | {"name": "Taken over"}).status_code == 403
    both.account.refresh_from_db()
    both.other_account.refresh_from_db()
    assert (both.account.name, both.other_account.name) == ("Halyard BV", "Elsewhere GmbH")
    event = AuditEvent.objects.get(kind=EventKind.ACCOUNT_UPDATED)
    assert event.account_id == both.account.pk


def test_account_of_others_is_not_found_and_not_offered(client, cast):
    cast.sign_in(client, "owner")
    assert client.get(profile(cast.other_account)).status_code == 404
    assert cast.other_account.auth_id not in client.get(profile(cast.account)).content.decode()


def test_foreign_and_missing_accounts_answer_alike(client, cast):
    cast.sign_in(client, "owner")
    foreign = client.get(profile(cast.other_account))
    missing = client.get("/MAAAAAAAAAAAAAAAAAAA/account/settings/profile/")
    assert foreign.status_code == missing.status_code == 404


@pytest.fixture
def factor_step(settings):
    settings.LOGIN_STEPS = ["security.login_steps.FactorStep"]
    login_steps.steps.cache_clear()
    yield
    login_steps.steps.cache_clear()


def test_link_to_an_account_is_opened_after_both_factors(client, both, factor_step):
    wanted = profile(both.other_account)
    assert client.get(wanted).url == "/sign-in/"
    client.post("/sign-in/", {"email": both.owner.email})
    client.post("/sign-in/password/", {"username": both.owner.email, "password": PASSWORD})
    client.post(reverse("security:second_factor_send"), {"channel": "sms"})
    code = newest_code(both.owner.phone)
    response = client.post(reverse("security:second_factor_phone"), {"code": code})
    assert response.url == wanted
    assert client.get(wanted).status_code == 200
