"""A token that crosses the network without encryption is refused, and its owner is told (ASVS 4.1.2)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account, Credential
from console.core.events import EventKind
from console.core.models import AuditEvent, OutgoingMail, RateBucket
from tests.accounts.api_caller import UUID, Api
from tests.factories import make_token
from tests.work import do_work

REFUSED = {"error": "https is required", "code": "https_required"}


@pytest.fixture
def api(cast, settings):
    settings.IS_HTTPS, settings.BASE_URL = True, "https://console.example"
    _, token = make_token(cast.account)
    return Api(cast.account.auth_id, token)


def refused(response):
    body = response.json()
    assert response.status_code == 403
    assert "Location" not in response.headers
    assert UUID.fullmatch(body.pop("api_id"))
    return body


def exposures():
    return AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_EXPOSED)


def test_good_token_changes_nothing_and_its_owner_is_told_once_an_hour(api, cast):
    for _ in range(3):
        assert refused(api.ask("POST", {"name": "Elsewhere"})) == REFUSED
    assert Account.objects.get(pk=cast.account.pk).name == "Halyard Logistics"
    event = exposures().get()
    assert (event.account_id, event.actor_kind, event.ip) == (cast.account.pk, "api", api.address)
    assert api.token not in str(event.data)
    do_work()
    mails = OutgoingMail.objects.filter(template="accounts/credential_exposed")
    assert sorted(mails.values_list("to", flat=True)) == sorted([cast.owner.email, cast.admin.email])


def test_next_hour_warns_again(api):
    api.ask()
    RateBucket.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    api.ask()
    assert exposures().count() == 2


def test_each_token_has_its_own_warning(api, cast):
    _, other = make_token(cast.account, slot=2)
    api.ask()
    Api(cast.account.auth_id, other).ask()
    assert exposures().count() == 2


@pytest.mark.parametrize("header", ["", "Basic !", "Bearer x"])
def test_answer_never_says_whether_the_credentials_are_good(api, header):
    good, bad = api.ask("POST"), api.ask("POST", header=header)
    assert refused(good) == refused(bad) == REFUSED
    assert exposures().count() == 1


def test_wrong_and_ended_tokens_warn_nobody(api):
    Api(api.auth_id, api.token[:-1] + "-").ask()
    Credential.objects.update(ended_at=timezone.now())
    assert refused(api.ask()) == REFUSED | {"objects": []}
    assert not exposures().exists()


def test_guesses_over_http_are_counted_and_looked_up_no_more(api, settings):
    settings.CONSOLE_API_FAILURES = 2
    for _ in range(3):
        Api(api.auth_id, "wrong").ask()
    assert refused(api.ask("POST")) == REFUSED
    assert not exposures().exists()


def test_token_over_https_warns_nobody(api):
    response = api.client.get(
        f"/v1/Account/{api.auth_id}/", headers={"Authorization": api.header}, secure=True
    )
    assert response.status_code == 200
    assert not exposures().exists()
