from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as console_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import login_steps
from accounts.models import EmailLink, Session
from accounts.queries.devices import device_name
from accounts.queries.sessions import sessions_of
from accounts.services import links
from accounts.sessions import session_digest
from console.core.events import EventKind
from console.core.models import AuditEvent
from tests.conftest import sign_in
from tests.factories import PASSWORD, make_user
from tests.work import mails_to

START = "2026-03-03T08:00:00+00:00"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"


@pytest.fixture
def no_steps(settings):
    settings.LOGIN_STEPS = []
    login_steps.steps.cache_clear()
    yield
    login_steps.steps.cache_clear()


@pytest.fixture
def home(cast):
    return reverse("accounts:profile", args=[cast.account.auth_id])


def list_url(cast):
    return reverse("accounts:session_list", args=[cast.account.auth_id])


def end_url(cast, session):
    return reverse(
        "accounts:session_end", kwargs={"account": cast.account.auth_id, "session": session.public_id}
    )


def others_url(cast):
    return reverse("accounts:sessions_end_others", args=[cast.account.auth_id])


def enter(client, user, **extra):
    client.post("/sign-in/", {"email": user.email})
    return client.post("/sign-in/password/", {"username": user.email, "password": PASSWORD}, **extra)


def session_of(client):
    return Session.objects.get(
        session_key=session_digest(client.cookies[console_settings.SESSION_COOKIE_NAME].value)
    )


def is_in(client, url):
    return client.get(url).status_code == 200


@pytest.mark.parametrize(("who", "minutes"), [("owner", 30), ("staff", 15)])
def test_idle_session_ends_and_says_why(client, cast, home, who, minutes):
    url = home if who == "owner" else "/"
    with time_machine.travel(START, tick=False) as clock:
        cast.sign_in(client, who)
        clock.shift(timedelta(minutes=minutes))
        assert client.get(url).headers.get("Location") != "/sign-in/"
        clock.shift(timedelta(minutes=minutes, seconds=1))
        key = client.cookies[console_settings.SESSION_COOKIE_NAME].value
        assert client.get(url).url == "/sign-in/"
        assert f"You were away for more than {minutes} minutes" in client.get("/sign-in/").content.decode()
        client.cookies[console_settings.SESSION_COOKIE_NAME] = key
        assert client.get(url).url == "/sign-in/"


@pytest.mark.parametrize(("who", "hours"), [("owner", 12), ("staff", 8)])
def test_session_ends_after_the_absolute_time_however_busy(client, cast, home, who, hours):
    url = home if who == "owner" else "/"
    with time_machine.travel(START, tick=False) as clock:
        cast.sign_in(client, who)
        for _ in range(hours * 6):
            clock.shift(timedelta(minutes=10))
            assert client.get(url).headers.get("Location") != "/sign-in/"
        clock.shift(timedelta(seconds=1))
        assert client.get(url).url == "/sign-in/"
        assert f"A sign-in lasts for {hours} hours at most" in client.get("/sign-in/").content.decode()


def test_polling_in_the_background_keeps_no_session_awake(client, cast, home):
    with time_machine.travel(START, tick=False) as clock:
        cast.sign_in(client, "owner")
        for _ in range(6):
            clock.shift(timedelta(minutes=5))
            client.get(home, headers={"HX-Background": "true"})
        clock.shift(timedelta(seconds=1))
        assert client.get(home).url == "/sign-in/"


def test_disabled_user_is_out_at_the_next_request(client, cast, home):
    cast.sign_in(client, "owner")
    assert is_in(client, home)
    cast.owner.is_active = False
    cast.owner.save()
    assert client.get(home).url == "/sign-in/"


def test_eleventh_sign_in_ends_the_oldest_and_mails_once(cast, home, no_steps):
    clients = [Client() for _ in range(11)]
    with time_machine.travel(START, tick=False) as clock:
        for client in clients:
            enter(client, cast.owner)
            clock.shift(timedelta(minutes=1))
        assert [is_in(client, home) for client in clients] == [False] + [True] * 10
        subjects = [mail.subject for mail in mails_to(cast.owner.email)]
        assert subjects.count("A Patchbay session has ended, because you had too many") == 1
        assert clients[-1].get(list_url(cast)).content.decode().count('role="rowheader"') == 10


def test_staff_have_two_sessions_at_most(cast, no_steps):
    for _ in range(3):
        enter(Client(), cast.staff)
    assert sessions_of(cast.staff, now=timezone.now()).count() == 2


def test_list_shows_device_place_address_and_this_device(client, cast, no_steps):
    enter(client, cast.owner, headers={"user-agent": MAC})
    enter(Client(), cast.owner, headers={"user-agent": PHONE}, REMOTE_ADDR="203.0.113.118")
    body = client.get(list_url(cast)).content.decode()
    for text in (
        "Safari on macOS",
        "Safari on iOS",
        "203.0.113.118",
        "Ends after 30 minutes without activity, after 12 hours in any case.",
    ):
        assert text in body
    assert body.count("This device") == 1
    assert body.index("Safari on macOS") < body.index("Safari on iOS")


def test_list_leaves_out_sessions_that_are_over(client, cast):
    sign_in(Client(), cast.owner, at=timezone.now() - timedelta(hours=2))
    cast.sign_in(client, "owner")
    cast.sign_in(Client(), "admin")
    assert client.get(list_url(cast)).content.decode().count('role="rowheader"') == 1


def test_person_ends_another_session_and_its_cookie_is_dead(client, cast, home):
    cast.sign_in(client, "owner")
    other = cast.sign_in(Client(), "owner")
    response = client.post(end_url(cast, session_of(other)))
    assert response.url == list_url(cast)
    assert not is_in(other, home)
    assert is_in(client, home)
    event = AuditEvent.objects.get(kind=EventKind.SESSION_ENDED)
    assert (event.chain, event.data["reason"]) == (f"user:{cast.owner.pk}", "asked")


def test_session_of_somebody_else_is_not_found(client, cast, home):
    cast.sign_in(client, "owner")
    admin = cast.sign_in(Client(), "admin")
    assert client.post(end_url(cast, session_of(admin))).status_code == 404
    assert is_in(admin, home)


def test_ending_the_present_session_signs_out(client, cast, home):
    cast.sign_in(client, "owner")
    assert client.post(end_url(cast, session_of(client))).url == "/sign-in/"
    assert not is_in(client, home)


def test_person_signs_out_everywhere_else(client, cast, home):
    cast.sign_in(client, "owner")
    others = [cast.sign_in(Client(), "owner") for _ in range(2)]
    colleague = cast.sign_in(Client(), "admin")
    response = client.post(others_url(cast), follow=True)
    assert "2 other sessions have ended." in response.content.decode()
    assert [is_in(other, home) for other in others] == [False, False]
    assert is_in(colleague, home)


@pytest.mark.parametrize(
    "address", [others_url, lambda cast: end_url(cast, Session.objects.exclude(user=None)[0])]
)
def test_stale_confirmation_is_asked_for_and_nothing_ends(client, cast, address):
    cast.sign_in(client, "owner", confirmed=False)
    cast.sign_in(Client(), "owner")
    response = client.post(address(cast))
    assert response.status_code == 303
    assert response.url.startswith("/confirm/")
    assert Session.objects.filter(user=cast.owner).count() == 2


def test_sign_out_deletes_the_row_and_clears_the_browser(client, cast, home):
    cast.sign_in(client, "owner")
    key = client.cookies[console_settings.SESSION_COOKIE_NAME].value
    response = client.post("/sign-out/")
    assert response.url == "/sign-in/"
    assert response["Clear-Site-Data"] == '"cache", "storage"'
    assert "You are signed out." in client.get("/sign-in/").content.decode()
    assert not Session.objects.filter(user=cast.owner).exists()
    client.cookies[console_settings.SESSION_COOKIE_NAME] = key
    assert client.get(home).url == "/sign-in/"
    assert AuditEvent.objects.filter(kind=EventKind.SIGNED_OUT, user_id=cast.owner.pk).count() == 1


def test_sign_out_by_link_does_nothing(client, cast, home):
    cast.sign_in(client, "owner")
    assert client.get("/sign-out/").status_code == 405
    assert is_in(client, home)


def test_sign_out_between_the_steps_drops_the_sign_in(client, cast):
    route = enter(client, cast.owner).url
    assert client.post("/sign-out/").status_code == 302
    assert client.get(route).url == "/sign-in/"


def test_sign_out_of_nobody_is_calm(client, db):
    assert client.post("/sign-out/").url == "/sign-in/"


def test_sign_out_needs_the_forms_key(cast):
    client = cast.sign_in(Client(enforce_csrf_checks=True), "owner")
    assert client.post("/sign-out/").status_code == 403
    assert Session.objects.filter(user=cast.owner).count() == 1


def test_key_is_stored_as_a_digest(client, cast):
    cast.sign_in(client, "owner")
    key = client.cookies[console_settings.SESSION_COOKIE_NAME].value
    assert not Session.objects.filter(session_key=key).exists()
    assert key not in str(Session.objects.values_list())


def not_me_link(user):
    link = EmailLink.objects.filter(user=user, purpose=EmailLink.Purpose.NOT_ME).latest("id")
    return reverse("accounts:not_me_open", args=[links.token_of(link)])


def press_not_me(client, link):
    """Open the link, then press the button of the page behind it."""
    assert client.get(link).url == "/not-me/"
    return client.post("/not-me/")


@pytest.fixture
def seen(cast, no_steps):
    """Let a stranger sign in as the owner, and return the stranger's browser."""
    enter(Client(), cast.owner)
    stranger = Client()
    enter(stranger, cast.owner)
    assert mails_to(cast.owner.email)
    return stranger


def test_opening_the_not_me_link_changes_nothing(client, cast, seen, home):
    for _ in range(3):
        response = client.get(not_me_link(cast.owner))
        assert response.url == "/not-me/"
        assert response["Referrer-Policy"] == "no-referrer"
        assert client.get("/not-me/").status_code == 200
    assert client.head("/not-me/").status_code == 200
    assert is_in(seen, home)


def test_not_me_ends_every_session_and_mails_a_reset_link_once(client, cast, seen, home):
    link = not_me_link(cast.owner)
    assert press_not_me(client, link).status_code == 200
    assert not is_in(seen, home)
    assert [mail.subject for mail in mails_to(cast.owner.email)][-1] == "Set a new password for Patchbay"
    assert press_not_me(client, link).status_code == 410
    assert client.get("/not-me/").status_code == 410
    assert not Session.objects.filter(user=cast.owner).exists()
    assert client.get(home).url == "/sign-in/"


def test_not_me_voids_unfinished_sign_ins(client, cast, seen, settings):
    settings.LOGIN_STEPS = ["security.login_steps.FactorStep"]
    login_steps.steps.cache_clear()
    stranger = Client()
    route = enter(stranger, cast.owner).url
    assert stranger.get(route).headers.get("Location") != "/sign-in/"
    press_not_me(client, not_me_link(cast.owner))
    assert stranger.get(route).url == "/sign-in/"


def test_not_me_forgets_the_device(client, cast, seen):
    assert cast.owner.devices.count() == 2
    press_not_me(client, not_me_link(cast.owner))
    assert cast.owner.devices.count() == 1


@pytest.mark.parametrize("token", ["altered-token", "a.b.c", "x" * 500])
def test_altered_not_me_link_opens_nothing(client, db, token):
    response = client.get(reverse("accounts:not_me_open", args=[token]))
    assert response.status_code == 410
    assert "This link is not complete" in response.content.decode()


def test_not_me_link_dies_after_a_week(client, cast, seen):
    link = not_me_link(cast.owner)
    with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1), tick=False):
        assert press_not_me(client, link).status_code == 410


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (MAC, "Safari on macOS"),
        (PHONE, "Safari on iOS"),
        ("", "Unknown device"),
        ("curl/8.5.0", "curl"),
        ("<b>", "Unknown device"),
    ],
)
def test_device_has_the_name_people_use(agent, name):
    assert device_name(agent) == name


def test_list_costs_the_same_for_one_and_ten_sessions(client, cast, django_assert_max_num_queries):
    cast.sign_in(client, "owner")
    for _ in range(9):
        sign_in(Client(), cast.owner)
    with django_assert_max_num_queries(14):
        client.get(list_url(cast))


def test_person_of_no_account_can_sign_out(client, db):
    sign_in(client, make_user())
    assert client.post("/sign-out/").url == "/sign-in/"
