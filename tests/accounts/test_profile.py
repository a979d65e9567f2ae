import pytest
from django.conf import settings as console_settings
from django.test import Client
from django.urls import reverse

from accounts.services import ProfileRefused, update_company
from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.permissions import Permission
from tests.factories import make_account

COMPANY = {
    "name": "Halyard BV",
    "address": "Kade 1",
    "city": "Utrecht",
    "region": "",
    "time_zone": "Europe/Amsterdam",
}


def profile_url(cast):
    return reverse("accounts:profile", args=[cast.account.auth_id])


def company_url(cast):
    return reverse("accounts:company_edit", args=[cast.account.auth_id])


def test_profile_shows_the_person_with_a_masked_phone(client, cast):
    cast.sign_in(client, "developer")
    body = client.get(profile_url(cast)).content.decode()
    assert cast.developer.email in body
    assert cast.developer.phone not in body
    assert f"+31 •••• ••{cast.developer.phone[-2:]}" in body
    assert "Time zone" not in body


def test_person_changes_their_name(client, cast):
    cast.sign_in(client, "support")
    response = client.post(profile_url(cast), {"full_name": "  Sanne   de Vries "}, follow=True)
    assert "Your name is saved." in response.content.decode()
    cast.support.refresh_from_db()
    assert cast.support.full_name == "Sanne de Vries"
    event = AuditEvent.objects.get(kind=EventKind.PROFILE_UPDATED)
    assert event.data == {"before": {"full_name": "Support Person"}, "after": {"full_name": "Sanne de Vries"}}


def test_same_name_is_no_event(client, cast):
    cast.sign_in(client, "owner")
    client.post(profile_url(cast), {"full_name": "Olivia Owner"})
    assert not AuditEvent.objects.filter(kind=EventKind.PROFILE_UPDATED).exists()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a\0b",
        "x" * 151,
        "x" * 1_000_000,
        "Bob\r\nBcc: all@x.example",
        "\u202egnp.exe",
        "see https://evil.example",
    ],
)
def test_strange_name_is_refused(client, cast, name):
    cast.sign_in(client, "owner")
    assert client.post(profile_url(cast), {"full_name": name}).status_code == 422
    cast.owner.refresh_from_db()
    assert cast.owner.full_name == "Olivia Owner"


@pytest.mark.parametrize(
    ("who", "sees", "edits"), [("admin", True, True), ("analyst", True, False), ("developer", False, False)]
)
def test_company_is_shown_and_edited_by_right(client, cast, who, sees, edits):
    cast.sign_in(client, who)
    body = client.get(profile_url(cast)).content.decode()
    assert ("Time zone" in body) is sees
    assert (company_url(cast) in body) is edits
    assert client.post(company_url(cast), COMPANY).status_code == (302 if edits else 403)


def test_owner_changes_the_company(client, cast):
    cast.sign_in(client, "owner")
    response = client.post(company_url(cast), COMPANY, follow=True)
    assert "The company profile is saved." in response.content.decode()
    cast.account.refresh_from_db()
    assert (cast.account.name, cast.account.time_zone) == ("Halyard BV", "Europe/Amsterdam")
    event = AuditEvent.objects.get(kind=EventKind.ACCOUNT_UPDATED)
    assert event.chain == f"account:{cast.account.pk}"
    assert event.data["before"] == {
        "name": "Halyard Logistics",
        "address": "",
        "city": "",
        "time_zone": "UTC",
    }
    assert event.data["after"]["city"] == "Utrecht"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 256),
        ("address", "x" * 401),
        ("city", "a\0b"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc"),
    ],
)
def test_refused_value_keeps_what_was_typed_and_changes_nothing(client, cast, field, value):
    cast.sign_in(client, "owner")
    response = client.post(company_url(cast), COMPANY | {field: value})
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.content.decode()
    assert ("Utrecht" in response.content.decode()) is (field != "city")
    cast.account.refresh_from_db()
    assert cast.account.time_zone == "UTC"


def test_service_changes_only_what_is_given(cast):
    actor = Actor(user=cast.owner, account=cast.account, rights=frozenset({Permission.COMPANY_MANAGE}))
    assert update_company(actor=actor, city="Utrecht").city == "Utrecht"
    account = update_company(actor=actor)
    assert (account.name, account.city) == ("Halyard Logistics", "Utrecht")
    assert AuditEvent.objects.filter(kind=EventKind.ACCOUNT_UPDATED).count() == 1


def test_service_asks_for_the_right_and_names_the_field(cast):
    with pytest.raises(AccessRefused):
        update_company(actor=Actor(user=cast.support, account=cast.account), city="Utrecht")
    actor = Actor(account=cast.account, rights=frozenset({Permission.COMPANY_MANAGE}))
    with pytest.raises(ProfileRefused) as caught:
        update_company(actor=actor, time_zone="Nowhere")
    assert caught.value.field == "time_zone"


def test_profile_of_another_account_is_not_found(client, cast):
    other = make_account("Other", owner=None)
    cast.sign_in(client, "owner")
    assert client.get(reverse("accounts:profile", args=[other.auth_id])).status_code == 404


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_theme_is_kept_in_a_cookie(client, db, theme):
    response = client.post("/theme/", {"theme": theme, "next": "/sign-in/"})
    assert response.url == "/sign-in/"
    cookie = response.cookies[console_settings.THEME_COOKIE_NAME]
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == (theme, "Lax", True)
    body = client.get("/sign-in/").content.decode()
    assert (f'data-theme="{theme}"' in body) is (theme != "system")


def test_theme_goes_back_to_own_pages_only(client, db):
    assert client.post("/theme/", {"theme": "dark", "next": "//evil.example/"}).url == "/"


@pytest.mark.parametrize("theme", ["", "pink", 'x" onload="'])
def test_unknown_theme_is_refused(client, db, theme):
    response = client.post("/theme/", {"theme": theme})
    assert response.status_code == 400
    assert console_settings.THEME_COOKIE_NAME not in response.cookies


def test_theme_needs_the_forms_key(db):
    assert Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"}).status_code == 403
