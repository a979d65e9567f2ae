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

from accounts.models import ApiIdentity, Credential
from accounts.queries.credentials import PAGE_SIZE, find_caller, token_page
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
    values = {"form_id": str(uuid.uuid4()), "revoke": ""}

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


# --- Pages


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
