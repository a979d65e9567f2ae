"""Signing up tells nobody whether an address is known: same answer, same time, one account."""

import re
import statistics
import sys
import threading
import time
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Account, ApiIdentity, User
from console.core.events import EventKind
from console.core.models import AuditEvent, RateBucket
from teams.models import Membership
from tests.accounts.test_sign_up import EMAIL, body, open_account, post
from tests.factories import make_account, make_user
from tests.work import mails_to


def existing(state: str, email: str = EMAIL) -> None:
    """Make the address known in one way or another."""
    if state == "waiting":
        open_account(email=email, password="another phrase for the first time")
    elif state != "unknown":
        make_account(owner=make_user(email, is_active=state != "disabled"))
    RateBucket.objects.all().delete()


@pytest.mark.django_db
def test_no_answer_tells_whether_the_address_is_known() -> None:
    seen = set()
    for state in ("unknown", "waiting", "confirmed", "disabled"):
        email = f"{state}@halyard.example"
        existing(state, email)
        client = Client()
        answer = post(client, email=email)
        wait = client.get("/sign-up/check-mail/")
        text = re.sub(r'data-seconds="\d+"', "", body(wait)).replace(email, "")
        again = client.post("/sign-up/check-mail/again/")
        gate = client.get("/")
        cookies = str(sorted(client.cookies))
        seen.add(
            (answer.status_code, answer.url, text, again.status_code, gate.status_code, gate.url, cookies)
        )
    assert len(seen) == 1


@pytest.mark.django_db
def test_mail_says_the_difference(client: Client) -> None:
    existing("confirmed")
    post(client)
    message = mails_to(EMAIL)[-1]
    assert "already" in message.subject
    assert "/sign-in/" in message.body
    assert "/reset/" in message.body
    assert "/activate/" not in message.body
    assert Account.objects.count() == 1


@pytest.mark.django_db
def test_repeated_sign_up_keeps_the_first_password_and_sends_a_new_link(client: Client) -> None:
    existing("waiting")
    post(client, password="the password of somebody else here")
    user = User.objects.get(email_key=EMAIL)
    assert user.check_password("another phrase for the first time")
    message = mails_to(EMAIL)[-1]
    assert "first sign-up" in message.body
    assert user.email_links.filter(used_at=None, replaced_at=None).count() == 1


@pytest.mark.django_db
def test_repeated_sign_ups_do_not_flood_the_mailbox() -> None:
    existing("confirmed")
    for _ in range(4):
        assert post(Client()).status_code == 302
    assert len(mails_to(EMAIL)) == 1
    assert AuditEvent.objects.filter(kind=EventKind.SIGN_UP_REPEATED).count() == 4


@pytest.mark.django_db
def test_known_address_leaves_no_rows_of_the_rehearsal() -> None:
    existing("confirmed")
    before = (User.objects.count(), Account.objects.count(), Membership.unscoped.count())
    open_account()
    assert (User.objects.count(), Account.objects.count(), Membership.unscoped.count()) == before


@pytest.mark.django_db(transaction=True)
def test_two_identical_sign_ups_at_once_make_one_user() -> None:
    barrier = threading.Barrier(4)

    def run() -> None:
        barrier.wait()
        try:
            open_account()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (User.objects.count(), Account.objects.count(), ApiIdentity.objects.count()) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_medians_of_known_and_unknown_addresses_are_reported(settings: Any, capsys: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    settings.CONSOLE_SIGN_UPS_PER_ADDRESS_HOUR = 1000
    open_account()
    times: dict[str, list[float]] = {"unknown": [], "known": []}
    for number in range(7):
        for kind, email in (("unknown", f"p{number}@halyard.example"), ("known", EMAIL)):
            started = time.perf_counter()
            open_account(email=email)
            times[kind].append((time.perf_counter() - started) * 1000)
    medians = {kind: round(statistics.median(values), 1) for kind, values in times.items()}
    with capsys.disabled():
        sys.stdout.write(f"\nsign-up medians in ms: {medians}\n")
    assert max(medians.values()) < 5 * min(medians.values())
