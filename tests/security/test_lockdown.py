"""Lock an account down at once, and lead it back step by step: facts, roles, races, and what later apps add."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account, ApiIdentity, Credential, Session, User
from accounts.queries.credentials import find_caller
from accounts.services.credentials import generate_token
from accounts.services.lockdown import TokensHeld
from accounts.services.sessions import ProofMissing, open_session
from console.core.access import AccessRefused, find_access
from console.core.events import EventKind
from console.core.models import AuditEvent, Delivery
from console.core.requests import Origin
from security.models import Lockdown, LockdownStep
from security.services import reopening
from security.services.lockdown import lock_down
from security.views import lockdown
from teams.models import Invitation, Membership
from teams.roles import Role
from tests.conftest import sign_in
from tests.factories import make_account, make_member, make_token, make_user
from tests.security.allowlist_steps import actor_of, page
from tests.work import mails_to

NEEDED = ("sessions", "members", "factors")


@pytest.fixture
def owner(client, cast):
    """Return the owner's browser."""
    return cast.sign_in(client, "owner")


def session_of(client):
    from accounts.sessions import session_digest

    return Session.objects.get(session_key=session_digest(client.cookies["session"].value))


def fresh(account):
    return Account.objects.get(pk=account.pk)


def opens(account, token, auth_id=""):
    found = find_caller(auth_id=auth_id or account.auth_id, token=token, origin=Origin(), now=timezone.now())
    return found is not None


def is_signed_in(client):
    response = client.get("/")
    return response.status_code == 302 and "/sign-in/" not in response.url


def lock(cast, role=Role.OWNER, keep=None):
    return lock_down(actor=actor_of(cast, role), keep=keep, now=timezone.now())


def do_needed_steps(cast):
    actor = actor_of(cast)
    actor.user.password_changed_at = timezone.now()
    actor.user.save()
    for name in NEEDED:
        reopening.tick_step(actor=actor, name=name, now=timezone.now())
    return actor


# --- What it ends


def test_lock_down_ends_every_session_but_the_own_and_those_in_other_accounts_too(owner, cast):
    others = {who: cast.sign_in(Client(), who) for who in ("admin", "developer", "analyst")}
    second = Client()
    sign_in(second, cast.owner)
    outsider = cast.sign_in(Client(), "outsider")
    make_account("Second GmbH", owner=cast.admin)
    owner.post(page("lock_down", cast.account))
    assert is_signed_in(owner)
    assert is_signed_in(outsider)
    assert not any(is_signed_in(client) for client in (second, *others.values()))


def test_lock_down_revokes_every_token_named_and_of_subaccounts_and_no_other(cast):
    _, primary = make_token(cast.account)
    _, named = make_token(
        cast.account, slot=None, kind="named", name="Deploy", permissions=["account:read"], made_by=cast.owner
    )
    sub = ApiIdentity.objects.create(auth_id="SA" + "X" * 18, account=cast.account, kind="subaccount")
    row, third = make_token(cast.account, slot=2)
    Credential.objects.filter(pk=row.pk).update(identity=sub)
    _, foreign = make_token(cast.other_account)
    assert opens(cast.account, primary)
    locked = lock(cast)
    assert not opens(cast.account, primary)
    assert not opens(cast.account, named)
    assert not opens(cast.account, third, sub.auth_id)
    assert opens(cast.other_account, foreign)
    assert locked.row.counts["Auth Tokens revoked"] == 3


def test_calls_with_a_revoked_token_get_401_at_once(client, cast):
    from base64 import b64encode

    _, token = make_token(cast.account)
    header = {"Authorization": "Basic " + b64encode(f"{cast.account.auth_id}:{token}".encode()).decode()}
    address = f"/v1/Account/{cast.account.auth_id}/"
    assert client.get(address, headers=header).status_code == 200
    lock(cast)
    assert client.get(address, headers=header).status_code == 401


def test_every_live_member_must_prove_more_and_nobody_else(cast):
    gone = make_member(cast.account, user=make_user("gone@halyard.example"))
    Membership.unscoped.filter(user=gone).update(suspended_at=timezone.now())
    lock(cast)
    flagged = set(User.objects.exclude(reverify_since=None).values_list("email", flat=True))
    assert flagged == {
        getattr(cast, role).email for role in ("owner", "admin", "developer", "support", "analyst")
    }


def test_open_invitations_are_taken_back(cast):
    now = timezone.now()
    for account, days in ((cast.account, 7), (cast.account, -1), (cast.other_account, 7)):
        sent_at = now - timedelta(days=10)
        Invitation.objects.create(
            account=account, email=f"new{days}@halyard.example", email_key=f"new{days}@halyard.example",
            role=Role.ADMIN, invited_by=cast.admin, sent_at=sent_at, expires_at=now + timedelta(days=days),
        )  # fmt: skip
    locked = lock(cast)
    assert locked.row.counts["Invitations taken back"] == 1
    assert Invitation.unscoped.exclude(revoked_at=None).get().account == cast.account


def test_it_is_one_event_with_counts_and_tokens(cast):
    row, _ = make_token(cast.account)
    lock(cast)
    event = AuditEvent.objects.get(kind=EventKind.ACCOUNT_LOCKED_DOWN)
    assert event.chain == f"account:{cast.account.pk}"
    assert event.data["tokens"] == [str(row)]
    assert event.data["counts"]["Members who prove more at their next sign-in"] == 5


def test_owner_admins_and_the_provider_hear_of_it(cast, settings):
    lock(cast, Role.ADMIN)
    for address in (cast.owner.email, cast.admin.email, settings.SUPPORT_EMAIL):
        assert any("locked down" in mail.subject for mail in mails_to(address))
    assert not any("locked down" in mail.subject for mail in mails_to(cast.developer.email))


def count_and_note(account, actor, now):
    """Stand for a step of a later app."""
    Account.objects.filter(pk=account.pk).update(city="Paused")
    return 7


def break_down(account, actor, now):
    raise RuntimeError("a later app breaks")


def test_steps_of_later_apps_run_inside_the_transaction(cast, settings):
    settings.LOCKDOWN_STEPS = settings.LOCKDOWN_STEPS | {
        "Recharges paused": "tests.security.test_lockdown.count_and_note"
    }
    locked = lock(cast)
    assert locked.row.counts["Recharges paused"] == 7
    assert fresh(cast.account).city == "Paused"


def test_a_step_that_breaks_undoes_everything(owner, cast, settings):
    _, token = make_token(cast.account)
    settings.LOCKDOWN_STEPS = settings.LOCKDOWN_STEPS | {"Broken": "tests.security.test_lockdown.break_down"}
    with pytest.raises(RuntimeError):
        lock(cast)
    assert opens(cast.account, token)
    assert is_signed_in(owner)
    assert fresh(cast.account).locked_down_at is None
    assert not Lockdown.unscoped.exists()


def test_later_apps_may_subscribe(cast):
    lock(cast)
    tasks = Delivery.objects.filter(event__kind=EventKind.ACCOUNT_LOCKED_DOWN).values_list("task", flat=True)
    assert "security.mail_locked_down" in tasks


# --- Once


def test_a_second_press_changes_nothing(owner, cast):
    owner.post(page("lock_down", cast.account))
    developer = cast.sign_in(Client(), "developer")
    assert owner.post(page("lock_down", cast.account)).status_code == 302
    assert Lockdown.unscoped.count() == 1
    assert AuditEvent.objects.filter(kind=EventKind.ACCOUNT_LOCKED_DOWN).count() == 1
    assert is_signed_in(developer)


def test_after_tokens_were_let_go_it_begins_anew(cast):
    first = lock(cast).row
    reopening.reopen_tokens(actor=do_needed_steps(cast), now=timezone.now())
    made = generate_token(actor=actor_of(cast), revoke="now", now=timezone.now())
    again = lock(cast)
    assert again.is_new
    assert not opens(cast.account, made.token)
    first.refresh_from_db()
    assert first.closed_at is not None
    assert Lockdown.objects.of(cast.account).filter(closed_at=None).get() == again.row


@pytest.mark.django_db(transaction=True)
def test_two_admins_at_once_make_one_lock_down(cast):
    make_token(cast.account)
    found, start = [], threading.Barrier(2)

    def run(role):
        start.wait()
        found.append(lock(cast, role).is_new)
        connection.close()

    threads = [threading.Thread(target=run, args=(role,)) for role in (Role.OWNER, Role.ADMIN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, True]
    assert Lockdown.unscoped.count() == 1
    assert AuditEvent.objects.filter(kind=EventKind.ACCOUNT_LOCKED_DOWN).count() == 1


@pytest.mark.django_db(transaction=True)
def test_tokens_made_at_the_same_time_never_survive(cast):
    start, made = threading.Barrier(2), []

    def make():
        start.wait()
        with suppress(TokensHeld):
            made.append(
                generate_token(actor=actor_of(cast, Role.ADMIN), revoke="now", now=timezone.now()).token
            )
        connection.close()

    def run():
        start.wait()
        lock(cast)
        connection.close()

    threads = [threading.Thread(target=make), threading.Thread(target=run)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(opens(cast.account, token) for token in made)


# --- While it lasts


def test_no_token_is_made_before_the_step(owner, cast):
    lock(cast, keep=session_of(owner))
    address = f"/{cast.account.auth_id}/account/settings/credentials/make/"
    response = owner.post(address, {"revoke": "now", "form_id": "6f0a4fd2-6a0c-4c5f-a9a2-000000000001"})
    assert response.status_code == 422
    assert "locked down" in response.text
    assert not Credential.objects.exists()


def test_every_page_says_so_and_only_owner_and_admin_get_the_link(owner, cast):
    lock(cast, keep=session_of(owner))
    developer = cast.sign_in(Client(), "developer")
    assert "Open the way back" in owner.get(f"/{cast.account.auth_id}/").text
    text = developer.get(f"/{cast.account.auth_id}/").text
    assert "This account is locked down" in text
    assert "Open the way back" not in text


def test_nobody_is_signed_in_who_still_has_to_prove_more(cast):
    lock(cast)
    now = timezone.now()
    session = Session.objects.create(
        session_key="x" * 40, session_data="", expire_date=now + timedelta(hours=1)
    )
    facts = {"session": session, "user": cast.owner, "methods": ["password", "totp"], "device_key": ""}
    with pytest.raises(ProofMissing):
        open_session(**facts, origin=Origin(), now=now)


def test_another_account_of_a_member_goes_on(cast):
    other = make_account("Second GmbH", owner=cast.owner)
    _, token = make_token(other)
    lock(cast)
    assert opens(other, token)
    assert fresh(other).locked_down_at is None


# --- The way back


def test_way_back_goes_step_by_step(owner, cast):
    lock(cast, keep=session_of(owner))
    assert "Change your password" in owner.get(page("way_back", cast.account)).text
    owner.post(page("tokens_reopen", cast.account))
    assert fresh(cast.account).tokens_held_at is not None
    owner.post(page("account_reopen", cast.account))
    assert fresh(cast.account).locked_down_at is not None
    for name in NEEDED:
        owner.post(page("step_tick", cast.account, step=name))
    owner.post(page("tokens_reopen", cast.account))
    assert fresh(cast.account).tokens_held_at is not None
    User.objects.filter(pk=cast.owner.pk).update(password_changed_at=timezone.now())
    owner.post(page("account_reopen", cast.account))
    assert fresh(cast.account).locked_down_at is not None
    owner.post(page("tokens_reopen", cast.account))
    assert fresh(cast.account).tokens_held_at is None
    assert generate_token(actor=actor_of(cast), revoke="now", now=timezone.now()).token
    owner.post(page("account_reopen", cast.account))
    assert fresh(cast.account).locked_down_at is None
    assert "locked down" not in owner.get(f"/{cast.account.auth_id}/").text
    kinds = AuditEvent.objects.filter(chain=f"account:{cast.account.pk}").values_list("kind", flat=True)
    assert list(kinds).count(EventKind.LOCKDOWN_STEP_DONE) == 3
    assert {EventKind.TOKENS_REOPENED, EventKind.ACCOUNT_REOPENED} <= set(kinds)


def test_each_step_of_the_way_back_counts_once(cast):
    lock(cast)
    actor = actor_of(cast)
    for _ in range(2):
        reopening.tick_step(actor=actor, name="members", now=timezone.now())
    assert LockdownStep.objects.count() == 1
    assert AuditEvent.objects.filter(kind=EventKind.LOCKDOWN_STEP_DONE).count() == 1


def test_password_that_was_changed_before_does_not_count(cast):
    User.objects.filter(pk=cast.owner.pk).update(password_changed_at=timezone.now() - timedelta(minutes=1))
    lock(cast)
    actor = actor_of(cast)
    for name in NEEDED:
        reopening.tick_step(actor=actor, name=name, now=timezone.now())
    actor.user.refresh_from_db()
    with pytest.raises(reopening.StepsLeft, match="Change your password"):
        reopening.reopen_tokens(actor=actor, now=timezone.now())


def test_reopening_an_open_account_is_refused_and_harmless(owner, cast):
    with pytest.raises(reopening.NotLocked):
        reopening.reopen_account(actor=actor_of(cast), now=timezone.now())
    assert owner.get(page("way_back", cast.account)).status_code == 302
    assert owner.post(page("account_reopen", cast.account)).status_code == 302


def test_unknown_step_is_not_found(owner, cast):
    lock(cast, keep=session_of(owner))
    assert owner.post(page("step_tick", cast.account, step="password")).status_code == 404


def test_reopening_is_mailed(cast):
    lock(cast)
    actor = do_needed_steps(cast)
    reopening.reopen_tokens(actor=actor, now=timezone.now())
    reopening.reopen_account(actor=actor, now=timezone.now())
    assert any("is open again" in mail.subject for mail in mails_to(cast.admin.email))


# --- Who may


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SUPPORT, Role.ANALYST])
def test_other_roles_may_not(cast, role):
    with pytest.raises(AccessRefused):
        lock(cast, role)
    client = cast.sign_in(Client(), str(role))
    assert client.post(page("lock_down", cast.account)).status_code == 403
    assert fresh(cast.account).locked_down_at is None


def test_another_tenants_account_is_not_there(cast):
    client = cast.sign_in(Client(), "outsider")
    for name in ("lock_down", "tokens_reopen", "account_reopen"):
        assert client.post(page(name, cast.account)).status_code == 404
    assert fresh(cast.account).locked_down_at is None


def test_a_password_alone_is_not_enough(cast):
    from tests.factories import PASSWORD

    client = cast.sign_in(Client(), "owner", confirmed=False)
    question = client.post(page("lock_down", cast.account))
    assert question.status_code == 303
    assert client.get(f"{question.url}password/").status_code == 302
    offered = client.get(question.url, follow=True)
    assert "Use your password" not in offered.text
    assert PASSWORD not in offered.text
    assert fresh(cast.account).locked_down_at is None


def test_staff_see_the_urgent_queue_and_write_down_what_they_did(client, cast):
    row = lock(cast).row
    staff = cast.sign_in(client, "staff")
    assert "Halyard Logistics" in staff.get("/admin/security/lockdown/").text
    address = f"/admin/security/lockdown/{row.pk}/change/"
    assert staff.post(address, {"note": "Called the owner"}).status_code == 302
    row.refresh_from_db()
    assert (row.note, row.handled_by) == ("Called the owner", cast.staff)
    assert AuditEvent.objects.filter(kind=EventKind.LOCKDOWN_HANDLED).exists()
    assert staff.get("/admin/security/lockdown/add/").status_code == 403
    assert staff.post(f"/admin/security/lockdown/{row.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(("group", "may"), [("support", True), ("risk", True), ("finance", False)])
def test_support_and_risk_look_after_the_queue(cast, group, may):
    person = make_user(f"{group}@patchbay.example", is_staff=True)
    person.groups.set(Group.objects.filter(name=group))
    sign_in(client := Client(), person)
    assert (client.get("/admin/security/lockdown/").status_code == 200) is may


def test_a_new_factor_locks_down_and_lets_no_tokens_be_made(cast):
    assert not find_access(lockdown.lock_down).is_guarded
    assert find_access(lockdown.tokens_reopen).is_guarded
