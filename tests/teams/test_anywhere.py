"""Links of documents that name no account."""

import pytest

from tests.factories import make_account


def test_link_leads_into_the_only_account(client, cast):
    cast.sign_in(client, "developer")
    answer = client.get("/-/account/settings/credentials/")
    assert answer.status_code == 302
    assert answer.url == f"/{cast.account.auth_id}/account/settings/credentials/"
    assert client.get("/-/").status_code in {302, 404}


def test_person_with_several_accounts_chooses(client, cast):
    second = make_account("Second Company", owner=cast.developer)
    cast.sign_in(client, "developer")
    page = client.get("/-/account/settings/credentials/").content.decode()
    assert f"/{cast.account.auth_id}/account/settings/credentials/" in page
    assert f"/{second.auth_id}/account/settings/credentials/" in page
    assert "Elsewhere" not in page


def test_visitor_signs_in_and_comes_back(client, cast):
    answer = client.get("/-/account/settings/team/")
    assert answer.url == "/sign-in/"
    assert client.session["next"] == "/-/account/settings/team/"


def test_person_without_an_account_is_told_so(client, cast):
    from tests.conftest import sign_in
    from tests.factories import make_user

    sign_in(client, make_user())
    assert client.get("/-/account/settings/team/").url == "/"


@pytest.mark.parametrize(
    "rest", ["nowhere/", "//evil.example/", "../../etc/passwd", "%2e%2e/", "account/settings/"]
)
def test_link_to_no_page_of_an_account_is_not_found(client, cast, rest):
    cast.sign_in(client, "developer")
    assert client.get(f"/-/{rest}").status_code == 404


def test_deep_link_into_another_account_is_not_found(client, cast):
    cast.sign_in(client, "developer")
    for page in ("", "account/settings/team/", "account/settings/credentials/"):
        assert client.get(f"/{cast.other_account.auth_id}/{page}").status_code == 404
