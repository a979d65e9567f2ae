"""The pages of named tokens and of the policy for their life."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiCaller, Credential
from accounts.queries.named_tokens import PAGE_SIZE
from accounts.services import named_tokens
from console.core.access import Actor
from teams.models import Membership
from teams.roles import RIGHTS, Role
from tests.accounts.api_caller import Api

SECRET = re.compile(r"pbt_[0-9A-Za-z]{42}")
NOW = timezone.now


@pytest.fixture
def browser(cast):
    return cast.sign_in(Client(), "owner")


def page(name, cast, **more):
    return reverse(f"accounts:{name}", kwargs={"account": cast.account.auth_id, **more})


def make(cast, who="owner", **fields):
    actor = Actor(user=cast.users[who], account=cast.account, rights=RIGHTS[Role(who)])
    values = {
        "name": "Warehouse",
        "permissions": ["read"],
        "cidrs": [],
        "ends_at": None,
        "now": NOW(),
    } | fields
    return named_tokens.make_named_token(actor=actor, **values)


def fill(browser, cast, **fields):
    form = browser.get(page("named_token_make", cast)).context["form"]
    values = {"name": "Robot", "permissions": ["read"], "ends": "30d", "until": "", "cidrs": ""}
    values |= {"form_id": str(form["form_id"].value())} | fields
    return browser.post(page("named_token_make", cast), values), values


def test_secret_is_on_the_answer_and_nowhere_after(cast, browser):
    answer, values = fill(
        browser, cast, permissions=["read", "account:write"], cidrs="203.0.113.7\n2001:db8::/48"
    )
    text = answer.content.decode()
    token = SECRET.search(text).group()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    for words in ("Account: read and change", "203.0.113.7/32", "2001:db8::/48", "Robot"):
        assert words in text
    assert Api(cast.account.auth_id, token, "203.0.113.7").ask().status_code == 200
    assert Api(cast.account.auth_id, token, "203.0.113.8").ask().status_code == 403
    again = browser.post(page("named_token_make", cast), values)
    assert "This token was made already" in again.content.decode()
    listed = browser.get(page("credential_list", cast)).content.decode()
    assert "Robot" in listed
    assert token not in again.content.decode() + listed
    assert Credential.objects.count() == 1


def test_end_is_chosen_or_a_date_in_the_accounts_zone(cast, browser):
    cast.account.time_zone = "America/New_York"
    cast.account.save()
    fill(browser, cast, ends="never")
    fill(browser, cast, ends="date", until="2098-07-01T12:00")
    ends = list(Credential.objects.order_by("id").values_list("ends_at", flat=True))
    assert [ends[0], ends[1].isoformat()] == [None, "2098-07-01T16:00:00+00:00"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "Enter a name."),
        ({"name": "\u202eRobot"}, "Use letters, digits"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"permissions": []}, "Tick what it may do."),
        ({"permissions": ["account:delete"]}, "Select a valid choice"),
        ({"ends": "1y"}, "Select a valid choice"),
        ({"ends": "date"}, "Enter the date and time"),
        ({"ends": "date", "until": "2001-01-01T00:00"}, "Choose a time that is not over"),
        ({"ends": "date", "until": "9999-01-01T00:00"}, "Choose a date before 2100"),
        ({"ends": "date", "until": "soon"}, "Enter a valid date/time"),
        ({"cidrs": "203.0.113.7/24"}, "Did you mean 203.0.113.0/24?"),
        ({"cidrs": "0.0.0.0/0"}, "would let every address in"),
        ({"cidrs": "x" * 9000}, "at most 8000 characters"),
        ({"cidrs": "\x00"}, "Null characters are not allowed"),
        ({"form_id": "x"}, ""),
    ],
)
def test_refused_form_says_why_and_keeps_what_was_typed(cast, browser, fields, message):
    answer, _ = fill(browser, cast, **({"name": "Kept name"} | fields))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert message in text
    assert ("Kept name" in text) is ("name" not in fields)
    assert not Credential.objects.exists()


def test_policy_takes_longer_ends_out_of_the_form(cast, browser):
    cast.account.token_days = 90
    cast.account.save()
    text = browser.get(page("named_token_make", cast)).content.decode()
    assert "After 90 days" in text
    assert "After 180 days" not in text
    assert "When somebody revokes it" not in text
    answer, _ = fill(browser, cast, ends="never")
    assert answer.status_code == 422
    answer, _ = fill(browser, cast, ends="date", until="2098-07-01T12:00")
    assert "Tokens of this account live 90 days at most." in answer.content.decode()


def test_limit_is_said_on_the_form(cast, browser, settings):
    settings.CONSOLE_NAMED_TOKENS = 0
    answer, _ = fill(browser, cast)
    assert "The account has 0 live named tokens, as many as it can." in answer.content.decode()


def test_developer_makes_reading_tokens_and_sees_buttons_at_own_ones_only(cast):
    own, others = make(cast, "developer").credential, make(cast).credential
    client = cast.sign_in(Client(), "developer")
    form = client.get(page("named_token_make", cast)).context["form"]
    offered = {value for value, _ in form.fields["permissions"].choices}
    assert {"read", "number:write", "subaccount:read"} <= offered
    assert not {"account:read", "account:write", "subaccount:write"} & offered
    text = client.get(page("credential_list", cast)).content.decode()
    assert str(own.public_id) in text
    assert str(others.public_id) not in text
    for name in ("named_token_change", "named_token_revoke"):
        assert client.get(page(name, cast, public_id=own.public_id)).status_code == 200
        assert client.get(page(name, cast, public_id=others.public_id)).status_code == 403
        assert client.post(page(name, cast, public_id=others.public_id), {}).status_code == 403
    assert Credential.objects.filter(ended_at=None).count() == 2


@pytest.mark.parametrize("who", ["support", "analyst", "outsider"])
def test_pages_are_closed_to_others(cast, who):
    token = make(cast).credential
    client = cast.sign_in(Client(), who)
    status = 404 if who == "outsider" else 403
    for name in ("named_token_make", "token_lifetime"):
        assert client.get(page(name, cast)).status_code == status
        assert client.post(page(name, cast)).status_code == status
    for name in ("named_token_change", "named_token_revoke"):
        assert client.post(page(name, cast, public_id=token.public_id)).status_code == status


def test_token_of_another_account_is_not_found(cast):
    token = make(cast).credential
    client = cast.sign_in(Client(), "outsider")
    for name in ("named_token_change", "named_token_revoke"):
        address = reverse(
            f"accounts:{name}",
            kwargs={"account": cast.other_account.auth_id, "public_id": token.public_id},
        )
        assert (client.get(address).status_code, client.post(address).status_code) == (404, 404)


@pytest.mark.parametrize(
    "name", ["named_token_make", "named_token_change", "named_token_revoke", "token_lifetime"]
)
def test_old_confirmation_is_asked_again_before_the_deed(cast, name):
    token = make(cast).credential
    more = {"public_id": token.public_id} if name in {"named_token_change", "named_token_revoke"} else {}
    client = cast.sign_in(Client(), "owner", confirmed=False)
    values = {
        "name": "Other",
        "permissions": ["read"],
        "ends": "7d",
        "form_id": str(uuid.uuid4()),
        "days": "30",
    }
    answer = client.post(page(name, cast, **more), values)
    assert answer.status_code == 303
    assert "/confirm/" in answer.url
    token.refresh_from_db()
    cast.account.refresh_from_db()
    assert (token.name, token.ended_at, cast.account.token_days) == ("Warehouse", None, None)
    assert Credential.objects.count() == 1


def test_change_shows_refused_callers_and_takes_effect(cast, browser):
    made = make(cast, cidrs=["203.0.113.7"])
    ApiCaller.objects.create(
        account=cast.account,
        credential=made.credential,
        ip="198.51.100.9",
        day=NOW().date(),
        verdict=ApiCaller.Verdict.UNEXPECTED,
        calls=12,
        first_seen_at=NOW(),
        last_seen_at=NOW(),
        agent="robot/2",
    )
    address = page("named_token_change", cast, public_id=made.credential.public_id)
    text = browser.get(address).content.decode()
    for words in ("203.0.113.7/32", "198.51.100.9", "robot/2", "Refused by this list"):
        assert words in text
    answer = browser.post(address, {"name": "Robot", "cidrs": "nonsense"})
    assert (answer.status_code, "nonsense" in answer.content.decode()) == (422, True)
    answer = browser.post(address, {"name": "Robot", "cidrs": "198.51.100.9"}, follow=True)
    assert "Robot is changed." in answer.content.decode()
    assert Api(cast.account.auth_id, made.token, "198.51.100.9").ask().status_code == 200
    assert Api(cast.account.auth_id, made.token, "203.0.113.7").ask().status_code == 403


def test_revoking_asks_first_and_says_what_happened(cast, browser):
    made = make(cast)
    address = page("named_token_revoke", cast, public_id=made.credential.public_id)
    assert "A revoked token can" in browser.get(address).content.decode()
    answer = browser.post(address, follow=True)
    assert "Warehouse no longer opens anything." in answer.content.decode()
    assert browser.post(address).status_code == 302
    assert (
        browser.get(page("named_token_change", cast, public_id=made.credential.public_id)).status_code == 302
    )
    ended = browser.get(page("credential_list", cast) + "?named=ended").content.decode()
    assert "Revoked" in ended
    assert "Warehouse" in ended


def test_list_pages_and_halves(cast, browser):
    for number in range(PAGE_SIZE + 1):
        make(cast, name=f"Robot {number:02}")
    first = browser.get(page("credential_list", cast)).content.decode()
    assert "Robot 20" in first
    assert "Robot 00" not in first
    second = browser.get(page("credential_list", cast) + "?named=live&named_page=2").content.decode()
    assert "Robot 00" in second
    for query in (
        "?named=all",
        "?named_page=3",
        "?named_page=0",
        "?named_page=x",
        "?named=ended&named_page=2",
    ):
        assert browser.get(page("credential_list", cast) + query).status_code == 404


def test_list_says_why_a_token_is_stopped_narrowed_leaked_or_burned(cast, browser):
    make(cast, "developer", name="Orphan")
    make(cast, "admin", name="Narrow", permissions=["account:write"])
    for end in Credential.End.values:
        token = make(cast, name=f"Over {end}").credential
        Credential.objects.filter(pk=token.pk).update(ended_at=NOW(), end_reason=end)
    Membership.unscoped.filter(user=cast.developer).update(suspended_at=NOW())
    Membership.unscoped.filter(user=cast.admin).update(role=Role.ANALYST)
    live = browser.get(page("credential_list", cast)).content.decode()
    for words in ("Its maker may do nothing here", "The role of its maker allows less"):
        assert words in live
    ended = browser.get(page("credential_list", cast) + "?named=ended").content.decode()
    for words in ("Leaked", "Burned", "Its maker left"):
        assert words in ended


# --- The policy


def test_policy_is_previewed_before_it_is_set(cast, browser):
    token = make(cast, name="Endless robot").credential
    soon = make(cast, name="Short robot", ends_at=NOW() + timedelta(days=5)).credential
    address = page("token_lifetime", cast)
    assert "Set 30 days" not in browser.get(address).content.decode()
    text = browser.get(address + "?days=30").content.decode()
    assert "1 named token would end sooner." in text
    assert "Endless robot" in text
    assert "Short robot" not in text
    cast.account.refresh_from_db()
    assert cast.account.token_days is None
    answer = browser.post(address, {"days": "30"}, follow=True)
    assert "Tokens live 30 days at most." in answer.content.decode()
    token.refresh_from_db()
    soon_end = soon.ends_at
    soon.refresh_from_db()
    assert (token.ends_at is not None, soon.ends_at) == (True, soon_end)
    assert "would get back the end" in browser.get(address + "?days=none").content.decode()
    browser.post(address, {"days": "none"})
    token.refresh_from_db()
    assert token.ends_at is None


@pytest.mark.parametrize("days", ["", "0", "31", "-30", "30.0", "x", "999999999999"])
def test_altered_policy_is_refused(cast, browser, days):
    answer = browser.post(page("token_lifetime", cast), {"days": days})
    assert answer.status_code == 422
    assert browser.post(page("token_lifetime", cast), {}).status_code == 422
    cast.account.refresh_from_db()
    assert cast.account.token_days is None


def test_page_says_which_auth_tokens_are_too_old(cast, browser):
    from tests.factories import make_token

    token, _ = make_token(cast.account, made_at=NOW() - timedelta(days=40))
    text = browser.get(page("token_lifetime", cast) + "?days=30").content.decode()
    assert "1 Auth Token would be too old" in text
    browser.post(page("token_lifetime", cast), {"days": "30"})
    listed = browser.get(page("credential_list", cast)).content.decode()
    assert f"{token} is older than 30 days" in listed
