"""Auth Tokens: made once, shown once, two at most, stopped as chosen, and everybody who answers for the account hears of it."""

import re
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Credential
from accounts.queries.credentials import find_caller
from accounts.services import credentials
from accounts.services.credentials import NoSuchToken, TooManyTokens, generate_token, revoke_token
from accounts.tasks.credentials import end_due_credentials
from console.core import crypto
from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent, Delivery, OutgoingMail
from console.core.permissions import Permission
from console.core.requests import Origin
from teams.models import Membership
from teams.queries import contacts_of
from teams.roles import RIGHTS, Role
from tests.factories import make_token
from tests.work import mails_to

SECRET = re.compile(r"pbt_[0-9A-Za-z]{42}")
NOW = timezone.now


@pytest.fixture
def owner(cast):
    return Actor(
        user=cast.owner, account=cast.account, rights=RIGHTS[Role.OWNER], origin=Origin(ip="192.0.2.1")
    )


def page(name, account, **more):
    return reverse(f"accounts:{name}", kwargs={"account": account.auth_id, **more})


def live(account):
    return Credential.objects.filter(identity__account=account, ended_at=None).order_by("id")


def opens(account, token):
    return find_caller(auth_id=account.auth_id, token=token, origin=Origin(), now=NOW()) is not None


# --- Making


def test_token_has_prefix_and_checksum_and_only_its_digest_is_kept(cast, owner):
    made = generate_token(actor=owner, revoke="now", now=NOW())
    row = Credential.objects.get()
    assert crypto.is_token(made.token, prefix="pbt")
    assert bytes(row.digest) == crypto.token_digest(made.token)
    assert (row.prefix, row.last_four, row.slot, row.made_by) == (
        made.token[:10],
        made.token[-4:],
        1,
        cast.owner,
    )
    stored = "".join(str(value) for value in Credential.objects.values_list().get())
    assert made.token not in stored
    assert opens(cast.account, made.token)


def test_events_and_mails_name_the_token_without_giving_it_away(cast, owner):
    made = generate_token(actor=owner, revoke="now", now=NOW())
    event = AuditEvent.objects.get(kind=EventKind.CREDENTIAL_MADE)
    assert (event.chain, event.user_id, event.data["token"]) == (
        f"account:{cast.account.pk}",
        cast.owner.pk,
        str(made.credential),
    )
    [mail] = mails_to(cast.owner.email)
    assert mails_to(cast.admin.email)
    assert not mails_to(cast.developer.email)
    assert mail.subject == "A new Auth Token was made for Halyard Logistics"
    everything = f"{event.data}{mail.subject}{mail.body}{mail.alternatives}"
    assert str(made.credential) in mail.body
    assert made.token not in everything
    assert not SECRET.search(everything)


@pytest.mark.parametrize(
    ("choice", "kept_for"),
    [("1h", 1), ("24h", 24), ("3d", 72), ("7d", 168)],
)
def test_old_token_works_as_long_as_was_chosen(cast, owner, choice, kept_for):
    now = NOW()
    old, secret = make_token(cast.account)
    generate_token(actor=owner, revoke=choice, now=now)
    old.refresh_from_db()
    assert (old.ended_at, old.ends_at) == (None, now + timedelta(hours=kept_for))
    assert opens(cast.account, secret)
    late = old.ends_at
    assert find_caller(auth_id=cast.account.auth_id, token=secret, origin=Origin(), now=late) is None


def test_old_token_that_is_kept_until_revoked_has_no_end(cast, owner):
    old, _ = make_token(cast.account)
    generate_token(actor=owner, revoke="never", now=NOW())
    old.refresh_from_db()
    assert (old.ended_at, old.ends_at) == (None, None)
    assert {row.slot for row in live(cast.account)} == {1, 2}


def test_old_token_that_is_revoked_now_is_dead_at_once(cast, owner):
    old, secret = make_token(cast.account)
    generate_token(actor=owner, revoke="now", now=NOW())
    assert not opens(cast.account, secret)
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_REVOKED, target_id=str(old.pk)).count() == 1
    # The mail about the new token says so; a second mail would only repeat it.
    assert [mail.subject for mail in mails_to(cast.owner.email)] == [
        "A new Auth Token was made for Halyard Logistics"
    ]
    assert f"{old} stopped at once" in mails_to(cast.owner.email)[0].body


def test_choice_never_lengthens_an_end_that_is_set(cast, owner):
    soon = NOW() + timedelta(minutes=10)
    old, _ = make_token(cast.account, ends_at=soon)
    generate_token(actor=owner, revoke="7d", now=NOW())
    old.refresh_from_db()
    assert old.ends_at == soon
    revoke_token(actor=owner, public_id=live(cast.account).last().public_id, now=NOW())
    generate_token(actor=owner, revoke="never", now=NOW())
    old.refresh_from_db()
    assert old.ends_at == soon


def test_third_token_is_refused_and_the_older_one_is_named(cast, owner):
    older, _ = make_token(cast.account, slot=2, made_at=NOW() - timedelta(days=9))
    newer, _ = make_token(cast.account, slot=1)
    for choice in ("1h", "24h", "3d", "7d", "never"):
        with pytest.raises(TooManyTokens, match=f"Revoke {re.escape(str(older))}, the older one, first"):
            generate_token(actor=owner, revoke=choice, now=NOW())
    assert list(live(cast.account)) == [older, newer]
    generate_token(actor=owner, revoke="now", now=NOW())
    assert live(cast.account).count() == 1


def test_due_token_gives_its_place_to_the_next(cast, owner):
    due, _ = make_token(
        cast.account, slot=2, made_at=NOW() - timedelta(days=2), ends_at=NOW() - timedelta(seconds=1)
    )
    make_token(cast.account, slot=1)
    made = generate_token(actor=owner, revoke="24h", now=NOW())
    due.refresh_from_db()
    assert due.ended_at == due.ends_at
    assert made.credential.slot == 2
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_ENDED).count() == 1


def test_database_refuses_a_third_live_token_whatever_the_code_does(cast):
    make_token(cast.account, slot=1)
    for slot in (1, 3):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_token(cast.account, slot=slot)


def test_same_form_makes_one_token(cast, owner):
    form_id = uuid.uuid4()
    first = generate_token(actor=owner, revoke="now", now=NOW(), form_id=form_id)
    second = generate_token(actor=owner, revoke="now", now=NOW(), form_id=form_id)
    assert (second.credential, second.token) == (first.credential, "")
    assert opens(cast.account, first.token)
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_MADE).count() == 1


def test_same_form_in_another_account_is_another_form(cast, owner):
    form_id = uuid.uuid4()
    other = Actor(user=cast.outsider, account=cast.other_account, rights=RIGHTS[Role.OWNER])
    assert generate_token(actor=owner, revoke="now", now=NOW(), form_id=form_id).token
    assert generate_token(actor=other, revoke="now", now=NOW(), form_id=form_id).token


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SUPPORT, Role.ANALYST])
def test_other_roles_can_neither_make_nor_revoke(cast, role):
    token, _ = make_token(cast.account)
    actor = Actor(user=cast.developer, account=cast.account, rights=RIGHTS[role])
    with pytest.raises(AccessRefused):
        generate_token(actor=actor, revoke="now", now=NOW())
    with pytest.raises(AccessRefused):
        revoke_token(actor=actor, public_id=token.public_id, now=NOW())
    assert Permission.CREDENTIAL_MANAGE not in actor.rights


# --- Revoking and ending


def test_revoked_token_is_dead_and_mailed_about_once(cast, owner):
    token, secret = make_token(cast.account)
    for _ in range(2):
        revoke_token(actor=owner, public_id=token.public_id, now=NOW())
    assert not opens(cast.account, secret)
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_REVOKED).count() == 1
    assert [mail.subject for mail in mails_to(cast.admin.email)] == [
        "An Auth Token of Halyard Logistics was revoked"
    ]


def test_tokens_of_others_cannot_be_revoked(cast, owner):
    token, secret = make_token(cast.other_account)
    with pytest.raises(NoSuchToken):
        revoke_token(actor=owner, public_id=token.public_id, now=NOW())
    assert opens(cast.other_account, secret)


def test_task_ends_what_is_due_once(cast):
    ends_at = NOW() - timedelta(minutes=1)
    due, _ = make_token(cast.account, slot=1, made_at=NOW() - timedelta(days=1), ends_at=ends_at)
    later, _ = make_token(cast.account, slot=2, ends_at=NOW() + timedelta(hours=1))
    for _ in range(2):
        end_due_credentials()
    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.ended_at, later.ended_at) == (ends_at, None)
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_ENDED).count() == 1
    assert [mail.subject for mail in mails_to(cast.owner.email)] == [
        "An Auth Token of Halyard Logistics has ended"
    ]


def test_mail_is_queued_once_however_often_it_is_delivered(cast, owner):
    generate_token(actor=owner, revoke="now", now=NOW())
    mails_to(cast.owner.email)
    Delivery.objects.update(done_at=None, due_at=NOW())
    mails_to(cast.owner.email)
    assert OutgoingMail.objects.filter(template="accounts/credential_made").count() == 2  # owner and admin


def test_contacts_are_the_owner_first_and_the_admins(cast):
    assert contacts_of(cast.account) == [cast.owner, cast.admin]
    Membership.unscoped.filter(user=cast.admin).update(suspended_at=NOW())
    assert contacts_of(cast.account) == [cast.owner]


# --- Two at the same instant


def _at_once(*deeds):
    """Run the deeds in threads that start together, and return results and errors."""
    results, gate = [], threading.Barrier(len(deeds))

    def run(deed):
        gate.wait()
        try:
            results.append(deed())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_token(cast, owner):
    client = cast.sign_in(Client(), "owner")
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    values = {"form_id": str(uuid.uuid4()), "revoke": "never"}

    def click():
        browser = Client()
        browser.cookies.load(cookies)
        return browser.post(page("credential_make", cast.account), values)

    answers = _at_once(*[click] * 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    shown = [answer for answer in answers if SECRET.search(answer.content.decode())]
    assert len(shown) == 1
    assert Credential.objects.count() == 1
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_MADE).count() == 1


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_never_make_a_third_token(cast, owner):
    make_token(cast.account)
    admin = Actor(user=cast.admin, account=cast.account, rights=RIGHTS[Role.ADMIN])
    results = _at_once(
        *[
            lambda who=who: generate_token(actor=who, revoke="24h", now=NOW())
            for who in (owner, admin, owner, admin)
        ]
    )
    assert sum(isinstance(result, credentials.MadeToken) for result in results) == 1
    assert sum(isinstance(result, TooManyTokens) for result in results) == 3
    assert live(cast.account).count() == 2


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_task_and_revoke_at_once_leave_one_event(cast, owner):
    due, _ = make_token(cast.account, made_at=NOW() - timedelta(days=1), ends_at=NOW() - timedelta(seconds=1))
    results = _at_once(
        end_due_credentials,
        end_due_credentials,
        lambda: revoke_token(actor=owner, public_id=due.public_id, now=NOW()),
    )
    assert not [result for result in results if isinstance(result, Exception)]
    kinds = [EventKind.CREDENTIAL_ENDED, EventKind.CREDENTIAL_REVOKED]
    assert AuditEvent.objects.filter(kind__in=kinds).count() == 1
