"""The pages of Auth Tokens: who sees what, and the secret once."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiIdentity, Credential
from accounts.queries.credentials import PAGE_SIZE, find_caller, token_page
from console.core.requests import Origin
from tests.factories import make_token

SECRET = re.compile(r"pbt_[0-9A-Za-z]{42}")
NOW = timezone.now


@pytest.fixture
def browser(cast):
    return cast.sign_in(Client(), "owner")


def page(name, account, **more):
    return reverse(f"accounts:{name}", kwargs={"account": account.auth_id, **more})


def live(account):
    return Credential.objects.filter(identity__account=account, ended_at=None).order_by("id")


def opens(account, token):
    return find_caller(auth_id=account.auth_id, token=token, origin=Origin(), now=NOW()) is not None


def make_in(browser, account, **fields):
    form = browser.get(page("credential_make", account)).context["form"]
    values = {"form_id": str(form["form_id"].value()), "revoke": form["revoke"].value(), **fields}
    return browser.post(page("credential_make", account), values), values


def test_page_shows_auth_id_and_tokens(cast, browser):
    used = {"last_used_at": NOW(), "last_used_ip": "2001:db8::7", "last_used_agent": "curl/8.5"}
    token, secret = make_token(cast.account, made_by=cast.owner, ends_at=NOW() + timedelta(days=1), **used)
    text = browser.get(page("credential_list", cast.account)).content.decode()
    for words in (
        cast.account.auth_id,
        str(token),
        "Olivia Owner",
        "2001:db8::7",
        "curl/8.5",
        "Retiring",
        "Revoke",
    ):
        assert words in text
    assert secret not in text
    assert f"/v1/Account/{cast.account.auth_id}/" in text


def test_page_without_tokens_leads_to_the_first(cast, browser):
    text = browser.get(page("credential_list", cast.account)).content.decode()
    assert "No Auth Token yet" in text


def test_developer_sees_tokens_but_no_buttons(cast):
    make_token(cast.account)
    client = cast.sign_in(Client(), "developer")
    text = client.get(page("credential_list", cast.account)).content.decode()
    assert "Generate Auth Token" not in text
    assert "/revoke/" not in text
    assert client.get(page("credential_make", cast.account)).status_code == 403
    assert client.post(page("credential_make", cast.account), {}).status_code == 403


@pytest.mark.parametrize(
    ("who", "status"), [("support", 403), ("analyst", 403), ("outsider", 404), ("anonymous", 302)]
)
def test_page_is_closed_to_others(cast, who, status):
    client = cast.sign_in(Client(), who)
    for name in ("credential_list", "credential_make", "api_reference"):
        assert client.get(page(name, cast.account)).status_code == status


def test_secret_is_on_the_answer_and_nowhere_after(cast, browser):
    answer, values = make_in(browser, cast.account)
    token = SECRET.search(answer.content.decode()).group()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert opens(cast.account, token)
    again = browser.post(page("credential_make", cast.account), values)
    assert again.status_code == 200
    assert "This token was made already" in again.content.decode()
    for address in ("credential_list", "credential_make"):
        assert token not in browser.get(page(address, cast.account)).content.decode()
    assert token not in again.content.decode()
    assert Credential.objects.count() == 1


def test_page_says_what_becomes_of_the_old_token(cast, browser):
    old, _ = make_token(cast.account)
    ask = browser.get(page("credential_make", cast.account)).content.decode()
    assert "Integrations with the old token stop." in ask
    assert str(old) in ask
    answer, _ = make_in(browser, cast.account, revoke="3d")
    assert "works until" in answer.content.decode()


def test_page_offers_two_live_tokens_only_to_be_revoked(cast, browser):
    older, _ = make_token(cast.account, slot=1, made_at=NOW() - timedelta(days=1))
    make_token(cast.account, slot=2)
    assert "Revoke both now" in browser.get(page("credential_make", cast.account)).content.decode()
    answer, _ = make_in(browser, cast.account, revoke="24h")
    assert answer.status_code == 422
    assert f"Revoke {older}, the older one, first" in answer.content.decode()
    assert Credential.objects.count() == 2


@pytest.mark.parametrize("values", [{"revoke": "1y"}, {"revoke": ""}, {"form_id": ""}, {"form_id": "x"}])
def test_altered_form_makes_nothing(cast, browser, values):
    make_token(cast.account)
    answer, _ = make_in(browser, cast.account, **values)
    assert answer.status_code == 422
    assert Credential.objects.count() == 1


def test_revoking_asks_first_and_says_what_happened(cast, browser):
    token, secret = make_token(cast.account)
    address = page("credential_revoke", cast.account, public_id=token.public_id)
    assert "A revoked token" in browser.get(address).content.decode()
    assert opens(cast.account, secret)
    answer = browser.post(address, follow=True)
    assert f"{token} no longer opens the account." in answer.content.decode()
    assert "Revoked" in answer.content.decode()
    assert not opens(cast.account, secret)
    assert browser.post(address).status_code == 302


def test_token_of_another_account_is_not_found(cast, browser):
    token, _ = make_token(cast.other_account)
    address = page("credential_revoke", cast.account, public_id=token.public_id)
    assert (browser.get(address).status_code, browser.post(address).status_code) == (404, 404)


@pytest.mark.parametrize("name", ["credential_make", "credential_revoke"])
def test_old_confirmation_is_asked_again_before_the_deed(cast, name):
    token, _ = make_token(cast.account)
    more = {"public_id": token.public_id} if name == "credential_revoke" else {}
    client = cast.sign_in(Client(), "owner", confirmed=False)
    answer = client.post(page(name, cast.account, **more), {"form_id": str(uuid.uuid4()), "revoke": "now"})
    assert not SECRET.search(answer.content.decode())
    assert list(live(cast.account)) == [token]
    assert Credential.objects.count() == 1


def test_history_is_paged_with_live_tokens_first(cast, browser):
    now = NOW()
    for day in range(PAGE_SIZE + 1):
        made_at = now - timedelta(days=day + 2)
        make_token(cast.account, made_at=made_at, ended_at=made_at + timedelta(hours=1))
    token, _ = make_token(cast.account, made_at=now - timedelta(days=99))
    first = token_page(cast.account, number=1, now=now)
    assert (first.rows[0].token, len(first.rows), first.earlier_url, first.later_url) == (
        token,
        PAGE_SIZE,
        "?page=2",
        "",
    )
    second = token_page(cast.account, number=2, now=now)
    assert (len(second.rows), second.earlier_url, second.later_url) == (2, "", "?page=1")
    assert browser.get(page("credential_list", cast.account) + "?page=2").status_code == 200
    for number in ("3", "0", "-1", "x", "99999999999999999999", "²"):
        assert browser.get(page("credential_list", cast.account), {"page": number}).status_code == 404


def test_list_costs_the_same_for_one_and_many(cast, browser, django_assert_max_num_queries):
    make_token(cast.account, made_by=cast.owner)
    for _ in range(10):
        make_token(cast.account, made_by=cast.admin, ended_at=NOW() + timedelta(seconds=1))
    with django_assert_max_num_queries(8):
        browser.get(page("credential_list", cast.account))


def test_subaccount_tokens_stay_out_of_the_account_page(cast, browser):
    identity = ApiIdentity.objects.create(
        auth_id="SA" + "C" * 18, account=cast.account, kind=ApiIdentity.Kind.SUBACCOUNT
    )
    row = {"identity": identity, "slot": 1, "prefix": "pbt_sub", "last_four": "abcd", "digest": b"x" * 32}
    token = Credential.objects.create(**row)
    assert str(token) not in browser.get(page("credential_list", cast.account)).content.decode()
    assert browser.post(page("credential_revoke", cast.account, public_id=token.public_id)).status_code == 404


def test_first_form_leaves_alone_what_a_colleague_made_in_the_meantime(cast, browser):
    form = browser.get(page("credential_make", cast.account)).context["form"]
    theirs, _ = make_token(cast.account)
    values = {"form_id": str(form["form_id"].value()), "revoke": form["revoke"].value()}
    assert browser.post(page("credential_make", cast.account), values).status_code == 200
    theirs.refresh_from_db()
    assert (theirs.ended_at, theirs.ends_at) == (None, None)
