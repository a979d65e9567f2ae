"""Confirming an address: the link opens a page, its button works once, in any browser."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import Account, EmailLink, Session, User
from accounts.services import links
from accounts.tasks.verification import sweep_expired
from console.core.errors import TooManyRequests
from console.core.events import EventKind
from console.core.models import AuditEvent, RateBucket
from console.core.requests import Origin
from tests.accounts.test_sign_up import EMAIL, PASSWORD, post
from tests.factories import make_account, make_user
from tests.work import mails_to

ORIGIN = Origin(ip="203.0.113.9")


def newest_path(email: str = EMAIL) -> str:
    """Return the path of the newest link mailed to the address."""
    body = mails_to(email)[-1].body
    return "/activate/" + body.split("/activate/")[1].split()[0]


@pytest.fixture
def signed_up(client: Client, db: None) -> Client:
    """Return the browser that signed up."""
    post(client)
    return client


def confirm(client: Client, path: str) -> Any:
    """Open the link and press the button."""
    client.get(path)
    return client.post("/activate/")


def is_confirmed(email: str = EMAIL) -> bool:
    """Say whether the address is confirmed."""
    return User.objects.get(email_key=email).email_verified_at is not None


def test_same_browser_goes_on_to_the_phone(signed_up: Client) -> None:
    key = signed_up.session.session_key
    answer = confirm(signed_up, newest_path())
    assert is_confirmed()
    assert answer.status_code == 302
    assert not answer.url.startswith(("/sign-in/", "/sign-up/"))
    assert "email" in signed_up.session["sign_in"]["methods"]
    assert signed_up.session.session_key != key
    assert AuditEvent.objects.filter(kind=EventKind.EMAIL_VERIFIED).count() == 1


def test_address_bar_never_keeps_the_token(signed_up: Client) -> None:
    path = newest_path()
    answer = signed_up.get(path)
    assert (answer.status_code, answer.url) == (302, "/activate/")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = signed_up.get("/activate/")
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert path.split("/")[2] not in page.text
    assert "Confirm address" in page.text
    assert EMAIL in page.text


def test_prefetching_scanner_uses_nothing_up(signed_up: Client) -> None:
    path = newest_path()
    before = list(EmailLink.objects.values()), list(User.objects.values()), AuditEvent.objects.count()
    sessions = Session.objects.count()
    for _ in range(3):
        Client().head(path)
        Client().options(path)
    assert Session.objects.count() == sessions
    for _ in range(3):
        scanner = Client()
        scanner.get(path, follow=True)
        scanner.head("/activate/")
    assert (
        list(EmailLink.objects.values()),
        list(User.objects.values()),
        AuditEvent.objects.count(),
    ) == before
    confirm(signed_up, path)
    assert is_confirmed()


def test_other_browser_confirms_and_is_asked_to_sign_in(signed_up: Client) -> None:
    other = Client()
    answer = confirm(other, newest_path())
    assert answer.url == "/sign-in/"
    assert "Address confirmed." in other.get("/sign-in/").text
    assert is_confirmed()
    assert Client().get("/sign-up/check-mail/").url == "/sign-up/"


def test_waiting_page_goes_on_when_another_browser_confirmed(signed_up: Client) -> None:
    confirm(Client(), newest_path())
    assert signed_up.get("/sign-up/check-mail/").url == "/sign-in/"


def test_waiting_page_asks_for_the_password_after_an_hour(signed_up: Client) -> None:
    session = signed_up.session
    session["sign_up"] |= {"signed_up_at": (timezone.now() - timedelta(hours=2)).isoformat()}
    session.save()
    assert confirm(signed_up, newest_path()).url == "/sign-in/"


def test_second_use_says_so(signed_up: Client) -> None:
    path = newest_path()
    confirm(Client(), path)
    other = Client()
    page = confirm(other, path)
    assert page.status_code == 410
    assert "used already" in page.text
    assert "/sign-in/" in page.text
    assert AuditEvent.objects.filter(kind=EventKind.EMAIL_VERIFIED).count() == 1


def test_expired_link_says_so_and_offers_another(signed_up: Client) -> None:
    path = newest_path()
    EmailLink.objects.update(expires_at=timezone.now())
    page = confirm(signed_up, path)
    assert page.status_code == 410
    assert "too old" in page.text
    assert "/activate/new-link/" in page.text
    assert not is_confirmed()


def test_newer_link_ends_the_older_one(signed_up: Client) -> None:
    old = newest_path()
    RateBucket.objects.all().delete()
    assert signed_up.post("/sign-up/check-mail/again/").url == "/sign-up/check-mail/"
    new = newest_path()
    assert new != old
    page = confirm(signed_up, old)
    assert page.status_code == 410
    assert "newer link" in page.text
    confirm(signed_up, new)
    assert is_confirmed()


@pytest.mark.parametrize(
    "change", [lambda p: p[:-3] + "x/", lambda p: "/activate/abc/", lambda p: p[:20] + "/"]
)
def test_altered_link_says_so(signed_up: Client, change: Any) -> None:
    page = confirm(signed_up, change(newest_path()))
    assert page.status_code == 410
    assert "not complete" in page.text
    assert not is_confirmed()


def test_link_for_another_purpose_confirms_nothing(signed_up: Client) -> None:
    user = User.objects.get(email_key=EMAIL)
    reset = links.make_link(
        user=user, purpose=EmailLink.Purpose.RESET, lives_for=timedelta(hours=1), now=timezone.now()
    )
    page = confirm(signed_up, f"/activate/{links.token_of(reset)}/")
    assert page.status_code == 410
    assert not is_confirmed()


def test_page_without_a_link_explains_itself(client: Client, db: None) -> None:
    page = client.get("/activate/")
    assert page.status_code == 410
    assert "No link is open here" in page.text


def test_button_needs_the_forms_token(signed_up: Client) -> None:
    path = newest_path()
    strict = Client(enforce_csrf_checks=True)
    strict.get(path)
    assert strict.post("/activate/").status_code == 403
    assert not is_confirmed()


def test_link_to_a_former_address_is_too_old(signed_up: Client) -> None:
    path = newest_path()
    User.objects.update(email="new@halyard.example", email_key="new@halyard.example")
    assert "too old" in confirm(signed_up, path).text


def test_resend_waits_a_minute_and_stops_at_five_a_day(signed_up: Client, settings: Any) -> None:
    page = signed_up.post("/sign-up/check-mail/again/")
    assert page.status_code == 429
    assert 0 < int(page.headers["Retry-After"]) <= 60
    assert "on its way" in page.text
    now = timezone.now()
    for minute in range(2, 6):
        services.resend_activation(email=EMAIL, origin=ORIGIN, now=now + timedelta(minutes=2 * minute))
    with pytest.raises(TooManyRequests, match="5 mails a day"):
        services.resend_activation(email=EMAIL, origin=ORIGIN, now=now + timedelta(hours=2))
    assert len(mails_to(EMAIL)) == 5


def test_asking_by_address_answers_alike_for_every_address(db: None) -> None:
    make_user("known@halyard.example")
    waiting = make_user("waiting@halyard.example", email_verified_at=None, phone_verified_at=None)
    answers = set()
    for email in ("known@halyard.example", waiting.email, "unknown@halyard.example"):
        client = Client()
        first = client.post("/activate/new-link/", {"email": email})
        second = client.post("/activate/new-link/", {"email": email})
        assert email in client.get("/sign-up/check-mail/").text
        answers.add((first.status_code, first.url, second.status_code))
    assert answers == {(302, "/sign-up/check-mail/", 429)}
    assert "/activate/" in mails_to(waiting.email)[0].body
    assert "already" in mails_to("known@halyard.example")[0].subject
    assert mails_to("unknown@halyard.example") == []


def test_nonsense_address_is_refused_beside_the_field(client: Client, db: None) -> None:
    for email in ("", "nobody", "a@b.example\r\nBcc: x@y.example", "\0@b.example"):
        assert client.post("/activate/new-link/", {"email": email}).status_code == 422


def test_person_who_signs_in_unconfirmed_waits_for_the_mail(client: Client, db: None) -> None:
    make_user(EMAIL, email_verified_at=None, phone_verified_at=None, phone="")
    client.post("/sign-in/", {"email": EMAIL}, follow=True)
    answer = client.post("/sign-in/password/", {"username": EMAIL, "password": PASSWORD})
    assert answer.status_code == 422
    wrong = Client()
    wrong.post("/sign-in/", {"email": EMAIL})
    refused = wrong.post("/sign-in/password/", {"username": EMAIL, "password": "not this one at all"})
    assert "confirmed yet" in refused.text
    assert "sign_in" not in client.session
    confirm(client, newest_path())
    answer = client.post("/sign-in/password/", {"username": EMAIL, "password": PASSWORD})
    assert answer.url == "/welcome/phone/"


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_confirm_once() -> None:
    post(Client())
    token = newest_path().split("/")[2]
    link_id = links.read_token(token, purpose=EmailLink.Purpose.ACTIVATE)
    results: list[str] = []
    barrier = threading.Barrier(4)

    def run() -> None:
        barrier.wait()
        try:
            services.verify_email(link_id=link_id, origin=ORIGIN, now=timezone.now())
            results.append("ok")
        except services.LinkRefused as error:
            results.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["ok", "used", "used", "used"]
    assert AuditEvent.objects.filter(kind=EventKind.EMAIL_VERIFIED).count() == 1


def test_confirmed_phone_activates_the_account_once(signed_up: Client) -> None:
    user = User.objects.get(email_key=EMAIL)
    now = timezone.now()
    with transaction.atomic():
        services.confirm_phone(user=user, number="+31612345678", origin=ORIGIN, now=now)
    assert Account.objects.get().state == Account.State.ONBOARDING
    confirm(signed_up, newest_path())
    for _ in range(2):
        with transaction.atomic():
            services.confirm_phone(user=user, number="+31612345678", origin=ORIGIN, now=now)
    account = Account.objects.get()
    assert (account.state, account.activated_at) == (Account.State.ACTIVE, now)
    assert AuditEvent.objects.filter(kind=EventKind.ACCOUNT_ACTIVATED, account_id=account.pk).count() == 1
    assert User.objects.get().phone == "+31612345678"


def test_held_account_is_not_activated_by_a_phone(db: None) -> None:
    user = make_user()
    account = make_account(owner=user, state=Account.State.HELD, activated_at=None)
    with transaction.atomic():
        services.confirm_phone(user=user, number="+31612345678", origin=ORIGIN, now=timezone.now())
    account.refresh_from_db()
    assert account.state == Account.State.HELD


def test_sweep_deletes_what_is_over_and_may_run_twice(signed_up: Client) -> None:
    confirm(signed_up, newest_path())
    old = timezone.now() - timedelta(days=31)
    EmailLink.objects.update(expires_at=old)
    Session.objects.update(expire_date=old)
    sweep_expired()
    sweep_expired()
    assert not EmailLink.objects.exists()
    assert not Session.objects.exists()
    assert User.objects.count() == 1
