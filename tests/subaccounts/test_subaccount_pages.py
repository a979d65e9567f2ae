"""The pages of subaccounts: who sees and does what, and what is kept when something is refused."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Credential
from subaccounts.limit_rules import month_of
from subaccounts.models import MonthSpend, SpendLimit, Subaccount
from tests.factories import make_account, make_subaccount, make_token

NOW = timezone.now
SECRET = re.compile(r"pbt_[0-9A-Za-z]{42}")


@pytest.fixture
def browser(cast):
    return cast.sign_in(Client(), "admin")


def at(name, cast, sub=None, **more):
    parts = {"account": cast.account.auth_id} | ({"subaccount": sub.auth_id} if sub else {})
    return reverse(f"subaccounts:{name}", kwargs=parts | more)


def spent(sub, amount, limit=None, **fields):
    month = month_of(NOW(), sub.account.time_zone)
    MonthSpend.objects.create(account=sub.account, subaccount=sub, month=month, amount=Decimal(amount))
    if limit:
        SpendLimit.objects.create(
            account=sub.account, subaccount=sub, amount=Decimal(limit), changed_at=NOW(), **fields
        )


# --- The list


def test_list_shows_state_and_spending_and_finds_by_name_id_and_state(cast, browser):
    on, _ = make_subaccount(cast.account, "Dispatch EU")
    make_subaccount(cast.account, "Sandbox", is_enabled=False)
    full, _ = make_subaccount(cast.account, "Harbour")
    make_subaccount(make_account("Elsewhere"), "Foreign")
    make_subaccount(cast.account, "Gone", deleted_at=NOW())
    spent(on, "58.40", "400")
    spent(full, "40", "40")

    def found(query=""):
        page = browser.get(at("subaccount_list", cast) + query)
        assert page.status_code == 200
        return [(row.subaccount.name, row.state) for row in page.context["page"].rows]

    assert found() == [("Dispatch EU", "enabled"), ("Harbour", "stopped"), ("Sandbox", "disabled")]
    assert found("?q=dispatch") == found(f"?q={on.auth_id}") == [("Dispatch EU", "enabled")]
    assert found("?state=stopped") == [("Harbour", "stopped")]
    assert found("?state=disabled") == [("Sandbox", "disabled")]
    assert found("?state=enabled") == [("Dispatch EU", "enabled")]
    assert found("?q=%25") == []
    text = browser.get(at("subaccount_list", cast)).content.decode()
    for words in ("$58.40", "of $400.00", "Stopped at limit", "Harbour reached its limit"):
        assert words in text
    assert browser.get(at("subaccount_list", cast) + "?state=nonsense").status_code == 200
    assert browser.get(at("subaccount_list", cast) + "?page=9").status_code == 404


def test_list_costs_the_same_for_few_and_many(cast, browser, django_assert_max_num_queries):
    for number in range(23):
        make_subaccount(cast.account, f"Shop {number:02}")
    with django_assert_max_num_queries(8):
        page = browser.get(at("subaccount_list", cast)).context["page"]
    assert (len(page.rows), page.text, page.earlier_url) == (20, "1 to 20 of 23", "?page=2")
    page = browser.get(at("subaccount_list", cast) + "?q=shop&page=2").context["page"]
    assert (len(page.rows), page.later_url) == (3, "?q=shop&page=1")


def test_developer_reads_and_changes_nothing(cast):
    sub, _ = make_subaccount(cast.account)
    client = cast.sign_in(Client(), "developer")
    for name in ("subaccount", "token_list"):
        text = client.get(at(name, cast, sub)).content.decode()
        assert "Generate Auth Token" not in text
        assert "Delete Warehouse" not in text
    for name in ("subaccount_rename", "subaccount_disable", "subaccount_delete", "limit_edit", "token_make"):
        assert client.post(at(name, cast, sub), {"name": "x", "fate": "move"}).status_code == 403
    for who in ("support", "analyst"):
        assert cast.sign_in(Client(), who).get(at("subaccount_list", cast)).status_code == 403


# --- One subaccount


def test_page_shows_what_it_owns_and_spends(cast, browser, django_assert_max_num_queries):
    sub, _ = make_subaccount(cast.account, networks=["192.0.2.0/24"])
    spent(sub, "121.12", "200", alert_percent=80)
    with django_assert_max_num_queries(8):
        text = browser.get(at("subaccount", cast, sub)).content.decode()
    for words in (
        sub.auth_id,
        "$121.12",
        "60% of the $200.00 limit",
        "at 80%, $160.00",
        "192.0.2.0/24",
        "Sender IDs",
    ):
        assert words in text


@pytest.mark.parametrize(
    "name", ["subaccount", "subaccount_rename", "subaccount_delete", "limit_edit", "networks_edit", "token_list", "token_make"]
)  # fmt: skip
def test_other_accounts_deleted_and_malformed_ones_are_404(cast, browser, name):
    other, _ = make_subaccount(make_account("Elsewhere"))
    gone, _ = make_subaccount(cast.account, deleted_at=NOW())
    paths = [at(name, cast, sub) for sub in (other, gone)]
    paths.append(paths[0].replace(other.auth_id, "nonsense"))
    for path in paths:
        assert browser.get(path).status_code == 404


# --- Deeds


def test_create_shows_the_token_once(cast, browser):
    form = browser.get(at("subaccount_make", cast)).context["form"]
    values = {"name": "Driver app", "is_enabled": "on", "form_id": str(form["form_id"].value())}
    first = browser.post(at("subaccount_make", cast), values)
    assert len(SECRET.findall(first.content.decode())) >= 1
    again = browser.post(at("subaccount_make", cast), values)
    assert not SECRET.findall(again.content.decode())
    sub = Subaccount.objects.of(cast.account).get()
    assert sub.identity.is_enabled
    refused = browser.post(at("subaccount_make", cast), values | {"name": "a\u202eb"})
    assert (refused.status_code, Subaccount.unscoped.count()) == (422, 1)


def test_rename_disable_and_enable(cast, browser):
    sub, _ = make_subaccount(cast.account)
    browser.post(at("subaccount_rename", cast, sub), {"name": "  Night   shift "})
    assert browser.post(at("subaccount_rename", cast, sub), {"name": ""}).status_code == 422
    assert browser.get(at("subaccount_disable", cast, sub)).status_code == 200
    browser.post(at("subaccount_disable", cast, sub))
    sub = Subaccount.unscoped.get(pk=sub.pk)
    assert (sub.name, sub.identity.is_enabled) == ("Night shift", False)
    assert "Disabled" in browser.get(at("subaccount", cast, sub)).content.decode()
    assert browser.get(at("subaccount_enable", cast, sub)).status_code == 405
    browser.post(at("subaccount_enable", cast, sub))
    sub = Subaccount.unscoped.get(pk=sub.pk)
    assert sub.identity.is_enabled


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("$1,250.50", Decimal("1250.50")), ("0.009", None), ("-1", None), ("1e3", Decimal(1000)), ("NaN", None), ("٣", None)],
)  # fmt: skip
def test_limit_takes_dollars_and_cents(cast, browser, typed, amount):
    sub, _ = make_subaccount(cast.account)
    answer = browser.post(at("limit_edit", cast, sub), {"amount": typed, "alert_percent": "", "stop": "soft"})
    assert answer.status_code == (302 if amount else 422)
    assert SpendLimit.unscoped.values_list("amount", flat=True).first() == amount
    if amount is None:
        assert typed in answer.content.decode()
    else:
        browser.post(at("limit_edit", cast, sub), {"amount": "", "stop": "hard"})
        assert not SpendLimit.unscoped.exists()


def test_addresses_are_set_and_a_wrong_one_is_kept_to_correct(cast, browser):
    sub, _ = make_subaccount(cast.account)
    refused = browser.post(at("networks_edit", cast, sub), {"cidrs": "192.0.2.0/24\n192.0.2.1/24"})
    assert refused.status_code == 422
    assert "192.0.2.1/24" in refused.content.decode()
    browser.post(at("networks_edit", cast, sub), {"cidrs": "192.0.2.0/24\n2001:db8::/48"})
    sub.refresh_from_db()
    assert [str(network) for network in sub.networks] == ["192.0.2.0/24", "2001:db8::/48"]


def test_delete_asks_with_counts_and_a_second_click_changes_nothing(cast, browser):
    sub, _ = make_subaccount(cast.account)
    assert "It owns nothing" in browser.get(at("subaccount_delete", cast, sub)).content.decode()
    assert browser.post(at("subaccount_delete", cast, sub), {"fate": "sell"}).status_code == 422
    for _ in range(2):
        answer = browser.post(at("subaccount_delete", cast, sub), {"fate": "move"})
        assert answer.url == at("subaccount_list", cast)
    sub.refresh_from_db()
    assert sub.deleted_at is not None


def test_deeds_with_tokens_money_and_addresses_ask_who_it_is(cast):
    sub, _ = make_subaccount(cast.account)
    client = cast.sign_in(Client(), "admin", confirmed=False)
    for name in ("subaccount_delete", "limit_edit", "networks_edit", "token_make"):
        client.post(at(name, cast, sub), {"fate": "cascade", "amount": "5", "stop": "hard", "revoke": "now"})
    client.post(at("subaccount_make", cast), {"name": "x", "form_id": "7" * 32})
    sub.refresh_from_db()
    assert (sub.deleted_at, SpendLimit.unscoped.count(), Credential.objects.count()) == (None, 0, 1)
    assert Subaccount.unscoped.count() == 1


# --- Tokens


def test_its_tokens_are_made_shown_extended_and_revoked_on_the_same_pages(cast, browser):
    make_token(cast.account)
    sub, _ = make_subaccount(cast.account)
    old = sub.identity.credentials.get()
    page = browser.get(at("token_make", cast, sub))
    values = {"form_id": str(page.context["form"]["form_id"].value()), "revoke": "24h"}
    text = browser.post(at("token_make", cast, sub), values).content.decode()
    assert SECRET.search(text)
    assert f'curl -u "{sub.auth_id}:' in text
    text = browser.get(at("token_list", cast, sub)).content.decode()
    assert (text.count("Revoke…") >= 2, "Rotation in progress" in text) == (True, True)
    assert f"{at('token_list', cast, sub)}{old.public_id}/extend/" in text
    assert browser.get(at("token_callers", cast, sub, public_id=old.public_id)).status_code == 200
    answer = browser.post(at("token_extend", cast, sub, public_id=old.public_id), {"extend": "3d"})
    assert answer.url == at("token_list", cast, sub)
    old.refresh_from_db()
    assert old.ends_at > NOW() + timedelta(days=3)
    browser.post(at("token_revoke", cast, sub, public_id=old.public_id))
    old.refresh_from_db()
    assert old.ended_at is not None


def test_tokens_of_others_are_404_below_a_subaccount(cast, browser):
    main, _ = make_token(cast.account)
    sub, _ = make_subaccount(cast.account)
    sibling, _ = make_subaccount(cast.account, "Other")
    for token in (main, sibling.identity.credentials.get()):
        for name in ("token_revoke", "token_callers", "token_extend"):
            path = at(name, cast, sub, public_id=token.public_id)
            assert browser.get(path).status_code == 404
            assert browser.post(path, {"extend": "3d"}).status_code in {404, 405}
        token.refresh_from_db()
        assert token.ended_at is None
