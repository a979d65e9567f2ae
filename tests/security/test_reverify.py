"""The sign-in after a lock-down: a mailed code or a recovery code more, once, and nobody is shut out."""

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.requests import Origin
from security.models import MailCode
from security.services.errors import WrongFactor
from security.services.lockdown import lock_down
from security.services.reverify import prove_mailbox, send_mail_code
from tests.factories import make_authenticator
from tests.security.allowlist_steps import actor_of
from tests.security.steps import ORIGIN, app_code, codes_left, enter_password, is_signed_in, settle, wrong
from tests.work import mails_to


@pytest.fixture
def codes(cast):
    """Return the recovery codes of an owner whose account was locked down."""
    made = settle(cast.owner)
    make_authenticator(cast.owner)
    lock_down(actor=actor_of(cast), keep=None, now=timezone.now())
    cast.owner.refresh_from_db()
    return made


def give_two_factors(client, user):
    enter_password(client, user)
    return client.post("/sign-in/second-factor/app/", {"code": app_code()})


def mailed_code(user):
    mail = next(mail for mail in reversed(mails_to(user.email)) if "is your" in mail.subject)
    return re.match(r"\d{6}", mail.subject).group()


def must_prove(user):
    return User.objects.get(pk=user.pk).reverify_since is not None


def test_password_and_factor_lead_to_the_question(client, cast, codes):
    assert give_two_factors(client, cast.owner).url == "/sign-in/once-more/"
    assert "Mail me a code" in client.get("/sign-in/once-more/").text
    assert not is_signed_in(client)
    assert not MailCode.objects.exists()


def test_mailed_code_signs_in_and_asks_no_more(client, cast, codes):
    give_two_factors(client, cast.owner)
    client.post("/sign-in/once-more/send/")
    response = client.post("/sign-in/once-more/", {"code": mailed_code(cast.owner)})
    assert response.status_code == 302
    assert is_signed_in(client)
    assert not must_prove(cast.owner)
    assert AuditEvent.objects.get(kind=EventKind.REVERIFIED).data == {"method": "mail-code"}
    other = Client()
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        give_two_factors(other, cast.owner)
        assert is_signed_in(other)


def test_only_the_owners_mailbox_gets_the_code_and_the_row_has_none(client, cast, codes):
    give_two_factors(client, cast.owner)
    client.post("/sign-in/once-more/send/")
    code = mailed_code(cast.owner)
    assert code.encode() not in bytes(MailCode.objects.get().digest)
    assert not any("is your" in mail.subject for mail in mails_to(cast.admin.email))
    assert not any(code in str(event.data) for event in AuditEvent.objects.all())


def test_recovery_code_takes_the_place_of_a_mailbox_that_is_gone(client, cast, codes):
    give_two_factors(client, cast.owner)
    assert "Recovery code" in client.get("/sign-in/once-more/").text
    client.post("/sign-in/once-more/recovery/", {"code": codes[0]})
    assert is_signed_in(client)
    assert codes_left(cast.owner) == 9


def test_wrong_codes_are_counted_and_end_the_code(client, cast, codes):
    give_two_factors(client, cast.owner)
    client.post("/sign-in/once-more/send/")
    code = mailed_code(cast.owner)
    for _ in range(5):
        assert client.post("/sign-in/once-more/", {"code": wrong(code)}).status_code == 422
    assert "no code to check" in client.post("/sign-in/once-more/", {"code": code}).text
    assert not is_signed_in(client)
    assert AuditEvent.objects.filter(kind=EventKind.REVERIFY_FAILED).count() == 5


def test_code_of_another_sign_in_is_worth_nothing(client, cast, codes):
    give_two_factors(client, cast.owner)
    client.post("/sign-in/once-more/send/")
    code = mailed_code(cast.owner)
    thief = Client()
    with time_machine.travel(timezone.now() + timedelta(seconds=40)):
        give_two_factors(thief, cast.owner)
        assert thief.post("/sign-in/once-more/", {"code": code}).status_code == 422
    assert not is_signed_in(thief)


def test_code_is_over_after_ten_minutes(cast, codes):
    now = timezone.now()
    send_mail_code(user=cast.owner, binding="here", origin=Origin(), now=now)
    with pytest.raises(WrongFactor, match="no code"):
        prove_mailbox(
            user=cast.owner,
            binding="here",
            code=mailed_code(cast.owner),
            origin=Origin(),
            now=now + timedelta(minutes=11),
        )


def test_second_mail_has_to_wait(client, cast, codes):
    give_two_factors(client, cast.owner)
    client.post("/sign-in/once-more/send/")
    again = client.post("/sign-in/once-more/send/")
    assert again.status_code == 429
    assert MailCode.objects.count() == 1


def test_lock_down_ends_codes_on_their_way(cast, codes):
    send_mail_code(user=cast.owner, binding="here", origin=ORIGIN, now=timezone.now())
    code = mailed_code(cast.owner)
    lock_down(actor=actor_of(cast), keep=None, now=timezone.now())
    cast.owner.refresh_from_db()
    from security.services.members import sign_member_out

    sign_member_out(actor=actor_of(cast), public_id=cast.owner.public_id, keep=None, now=timezone.now())
    with pytest.raises(WrongFactor):
        prove_mailbox(user=cast.owner, binding="here", code=code, origin=ORIGIN, now=timezone.now())


def test_question_is_skipped_by_nobody_and_shown_to_nobody_else(client, cast, codes):
    assert client.get("/sign-in/once-more/").status_code == 302
    enter_password(client, cast.owner)
    assert client.get("/sign-in/once-more/").url == "/sign-in/second-factor/"
    give_two_factors(client, cast.owner)
    assert client.get("/welcome/recovery-codes/").url == "/sign-in/once-more/"
    other = cast.outsider
    settle(other)
    make_authenticator(other)
    stranger = Client()
    enter_password(stranger, other)
    assert stranger.post("/sign-in/second-factor/app/", {"code": app_code()}).url != "/sign-in/once-more/"


@pytest.mark.django_db(transaction=True)
def test_one_code_sent_many_times_at_once_counts_once(cast):
    user = cast.owner
    lock_down(actor=actor_of(cast), keep=None, now=timezone.now())
    send_mail_code(user=user, binding="here", origin=ORIGIN, now=timezone.now())
    code, results, start = mailed_code(user), [], threading.Barrier(4)

    def run():
        start.wait()
        try:
            prove_mailbox(user=user, binding="here", code=code, origin=ORIGIN, now=timezone.now())
            results.append(True)
        except WrongFactor:
            results.append(False)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(True) == 1
    assert AuditEvent.objects.filter(kind=EventKind.REVERIFIED).count() == 1
