"""Accounts end their members' sessions earlier than the console does."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from accounts.queries.sessions import limits_for
from console.core.events import EventKind
from console.core.models import AuditEvent
from security import services
from teams.models import Membership
from teams.queries import resolve_actor
from tests.conftest import sign_in
from tests.factories import make_account, make_member
from tests.security.steps import ORIGIN
from tests.work import mails_to

START = "2026-03-03T08:00:00+00:00"


@pytest.fixture
def rule(cast):
    return reverse("security:session_policy", args=[cast.account.auth_id])


@pytest.fixture
def rules(cast):
    return reverse("security:sign_in_rules", args=[cast.account.auth_id])


@pytest.fixture
def home(cast):
    return reverse("accounts:profile", args=[cast.account.auth_id])


def limit(account, *, idle=None, hours=None):
    Account.objects.filter(pk=account.pk).update(session_idle_minutes=idle, session_hours=hours)


def actor_of(cast, who="owner"):
    return resolve_actor(cast.users[who], auth_id=cast.account.auth_id, origin=ORIGIN)


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_owner_and_admin_shorten_and_the_account_is_told(client, cast, rule, rules, who):
    cast.sign_in(client, who)
    page = client.get(rule).content.decode()
    assert "5 minutes" in page
    assert "12 hours" in page
    assert client.post(rule, {"idle_minutes": "15", "hours": "8"}).url == rules
    cast.account.refresh_from_db()
    assert (cast.account.session_idle_minutes, cast.account.session_hours) == (15, 8)
    event = AuditEvent.objects.get(kind=EventKind.SESSION_POLICY_CHANGED)
    assert event.chain == f"account:{cast.account.pk}"
    assert event.data == {
        "before": {"idle_minutes": None, "hours": None},
        "after": {"idle_minutes": 15, "hours": 8},
    }
    for person in (cast.owner, cast.admin):
        mail = mails_to(person.email)[-1]
        assert "are signed out after 15 minutes without activity" in mail.subject
        assert "after 8 hours in any case" in mail.body
    assert not mails_to(cast.developer.email)


def test_same_rule_again_is_no_event(client, cast, rule):
    cast.sign_in(client, "owner")
    for _ in range(2):
        client.post(rule, {"idle_minutes": "10", "hours": "12"})
    client.post(rule, {"idle_minutes": "10", "hours": "12"})
    assert AuditEvent.objects.filter(kind=EventKind.SESSION_POLICY_CHANGED).count() == 1


def test_longest_choice_is_no_rule(client, cast, rule):
    limit(cast.account, idle=5, hours=1)
    cast.sign_in(client, "owner")
    client.post(rule, {"idle_minutes": "30", "hours": "12"})
    cast.account.refresh_from_db()
    assert (cast.account.session_idle_minutes, cast.account.session_hours) == (None, None)


@pytest.mark.parametrize(
    "values",
    [
        {"idle_minutes": "31", "hours": "8"},
        {"idle_minutes": "15", "hours": "13"},
        {"idle_minutes": "0", "hours": "8"},
        {"idle_minutes": "-5", "hours": "8"},
        {"idle_minutes": "15\x00", "hours": "8"},
        {"idle_minutes": "\uff17", "hours": "8"},
        {"idle_minutes": "", "hours": ""},
        {},
    ],
)
def test_other_values_are_refused_and_nothing_is_stored(client, cast, rule, values):
    cast.sign_in(client, "owner")
    assert client.post(rule, values).status_code == 422
    cast.account.refresh_from_db()
    assert cast.account.session_idle_minutes is None


@pytest.mark.parametrize(("idle", "hours"), [(31, 8), (4, 8), (15, 0), (15, 13)])
def test_service_and_database_refuse_what_is_no_shortening(cast, idle, hours):
    with pytest.raises(services.PolicyRefused):
        services.change_session_policy(actor=actor_of(cast), idle_minutes=idle, hours=hours)
    with pytest.raises(IntegrityError), transaction.atomic():
        limit(cast.account, idle=idle, hours=hours)


def test_console_with_shorter_limits_offers_nothing_longer(client, cast, rule, settings):
    settings.CONSOLE_SESSION_IDLE_MINUTES = 15
    limit(cast.account, idle=20)
    cast.sign_in(client, "owner")
    page = client.get(rule).content.decode()
    assert "15 minutes" in page
    assert "20 minutes" not in page
    assert limits_for(cast.owner).idle == timedelta(minutes=15)
    assert limits_for(cast.owner).idle_by == ""


def test_stale_confirmation_is_asked_for(client, cast, rule):
    cast.sign_in(client, "owner", confirmed=False)
    assert client.post(rule, {"idle_minutes": "15", "hours": "8"}).url.startswith("/confirm/")
    cast.account.refresh_from_db()
    assert cast.account.session_idle_minutes is None


@pytest.mark.parametrize("who", ["developer", "support", "analyst"])
def test_other_roles_may_not(client, cast, rule, who):
    cast.sign_in(client, who)
    assert client.post(rule, {"idle_minutes": "15", "hours": "8"}).status_code == 403


def test_shorter_rule_ends_an_open_session_at_its_next_request(client, cast, home):
    with time_machine.travel(START, tick=False) as clock:
        cast.sign_in(client, "developer")
        clock.shift(timedelta(minutes=9))
        assert client.get(home).status_code == 200
        clock.shift(timedelta(minutes=9))
        services.change_session_policy(actor=actor_of(cast), idle_minutes=5, hours=12)
        assert client.get(home).url == "/sign-in/"
        assert "You were away for more than 5 minutes" in client.get("/sign-in/").content.decode()


def test_hours_of_the_account_end_a_busy_session(client, cast, home):
    limit(cast.account, hours=1)
    with time_machine.travel(START, tick=False) as clock:
        cast.sign_in(client, "developer")
        for _ in range(6):
            clock.shift(timedelta(minutes=10))
            assert client.get(home).status_code == 200
        clock.shift(timedelta(seconds=1))
        assert client.get(home).url == "/sign-in/"
        assert "lasts for 1 hour at most" in client.get("/sign-in/").content.decode()


def test_strictest_of_a_persons_accounts_wins_per_limit(cast):
    other = make_account("Harbour Freight")
    make_member(other, user=cast.owner)
    limit(cast.account, idle=10, hours=8)
    limit(other, idle=20, hours=2)
    found = limits_for(cast.owner)
    assert (found.idle, found.idle_by) == (timedelta(minutes=10), cast.account.name)
    assert (found.absolute, found.absolute_by) == (timedelta(hours=2), "Harbour Freight")


def test_new_membership_tightens_and_an_ended_one_loosens_at_once(client, cast, home):
    other = make_account("Harbour Freight")
    limit(other, idle=5)
    with time_machine.travel(START, tick=False) as clock:
        cast.sign_in(client, "developer")
        clock.shift(timedelta(minutes=6))
        assert client.get(home).status_code == 200
        make_member(other, user=cast.developer)
        clock.shift(timedelta(minutes=6))
        assert client.get(home).url == "/sign-in/"


@pytest.mark.parametrize("change", ["suspended", "ended", "closed"])
def test_accounts_that_are_over_for_the_person_have_no_say(cast, change):
    limit(cast.account, idle=5)
    membership = Membership.unscoped.filter(account=cast.account, user=cast.developer)
    if change == "suspended":
        membership.update(suspended_at=timezone.now())
    elif change == "ended":
        membership.update(ends_at=timezone.now() - timedelta(seconds=1))
    else:
        Account.objects.filter(pk=cast.account.pk).update(state=Account.State.CLOSED)
    assert limits_for(cast.developer).idle == timedelta(minutes=30)


def test_rule_never_lengthens_the_sessions_of_staff(client, cast):
    make_member(cast.account, user=cast.staff)
    limit(cast.account, idle=20)
    assert limits_for(cast.staff).idle == timedelta(minutes=15)


def test_rule_costs_no_query(client, cast, home):
    cast.sign_in(client, "owner")
    client.get(home)
    with CaptureQueriesContext(connection) as without:
        client.get(home)
    limit(cast.account, idle=5, hours=1)
    with CaptureQueriesContext(connection) as with_rule:
        client.get(home)
    assert len(with_rule) == len(without)


def test_sessions_page_names_the_rule_and_only_who_may_change_it_gets_the_link(client, cast, rules):
    limit(cast.account, idle=15)
    page = reverse("accounts:session_list", args=[cast.account.auth_id])
    cast.sign_in(client, "owner")
    body = client.get(page).content.decode()
    assert f"Ends after 15 minutes without activity (rule of {cast.account.name})" in body
    assert rules in body
    colleague = cast.sign_in(Client(), "developer").get(page).content.decode()
    assert "rule of" in colleague
    assert rules not in colleague


def test_list_leaves_out_sessions_that_the_rule_ended(client, cast):
    limit(cast.account, idle=5)
    sign_in(Client(), cast.owner, at=timezone.now() - timedelta(minutes=6))
    cast.sign_in(client, "owner")
    page = client.get(reverse("accounts:session_list", args=[cast.account.auth_id])).content.decode()
    assert page.count('role="rowheader"') == 1


def test_session_ended_elsewhere_says_so(client, cast, home):
    cast.sign_in(client, "owner")
    other = cast.sign_in(Client(), "owner")
    client.post(reverse("accounts:sessions_end_others", args=[cast.account.auth_id]))
    assert other.get(home).url == "/sign-in/"
    assert "This session has ended: it was ended on another device" in other.get("/sign-in/").content.decode()
    assert "This session has ended" not in Client().get("/sign-in/").content.decode()
