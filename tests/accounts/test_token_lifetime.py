"""How long tokens may live: the policy, its preview, and the warnings before an end."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import Account, Credential
from accounts.queries.named_tokens import named_page, preview_lifetime
from accounts.services import named_tokens, token_lifetime
from accounts.token_rules import LIFETIMES
from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from teams.models import Membership
from teams.roles import RIGHTS, Role
from tests.factories import make_token
from tests.work import do_work

NOW = timezone.now()
DAY = timedelta(days=1)


def actor_of(cast, who="owner"):
    return Actor(user=cast.users[who], account=cast.account, rights=RIGHTS[Role(who)], role=who)


def make(cast, who="owner", *, ends_at=None, age=0, **fields):
    values = {
        "name": "Warehouse",
        "permissions": ["read"],
        "cidrs": [],
        "ends_at": ends_at,
        "now": NOW,
    } | fields
    token = named_tokens.make_named_token(actor=actor_of(cast, who), **values).credential
    Credential.objects.filter(pk=token.pk).update(made_at=NOW - age * DAY)
    token.refresh_from_db()
    return token


def set_days(cast, days, *, now=NOW, who="owner"):
    return token_lifetime.set_token_lifetime(actor=actor_of(cast, who), days=days, now=now)


def end_of(token):
    token.refresh_from_db()
    return token.ends_at


def warned():
    events = AuditEvent.objects.filter(kind=EventKind.TOKEN_END_NEARING).order_by("id")
    return [event.data["days"] for event in events]


# --- New tokens


@pytest.mark.parametrize("days", LIFETIMES)
def test_new_token_may_not_outlive_the_policy(cast, days):
    set_days(cast, days)
    for ends_at in (None, NOW + (days + 1) * DAY):
        with pytest.raises(named_tokens.LivesTooLong, match=f"{days} days at most"):
            make(cast, ends_at=ends_at)
    assert make(cast, ends_at=NOW + days * DAY).ends_at == NOW + days * DAY


@pytest.mark.parametrize("days", [0, -1, 1, 29, 31, 400])
def test_policy_is_one_of_the_lifetimes(cast, days):
    with pytest.raises(token_lifetime.UnknownLifetime):
        set_days(cast, days)


@pytest.mark.parametrize("who", ["developer", "support", "analyst"])
def test_policy_is_for_owner_and_admins(cast, who):
    with pytest.raises(AccessRefused):
        set_days(cast, 30, who=who)
    set_days(cast, 30, who="admin")


# --- Tokens that exist


@pytest.mark.parametrize(
    ("age", "asked", "ends"),
    [
        (0, None, 30),
        (10, None, 20),
        (100, None, 14),
        (0, 10, 10),
        (0, 90, 30),
        (100, 5, 5),
    ],
    ids=["new", "younger", "older gets days to move", "ends sooner anyway", "later end", "old, ends anyway"],
)
def test_longer_ones_are_cut_but_never_at_once(cast, age, asked, ends):
    token = make(cast, ends_at=NOW + asked * DAY if asked else None, age=age)
    seen = preview_lifetime(cast.account, days=30, now=NOW)
    set_days(cast, 30)
    assert end_of(token) == NOW + ends * DAY
    assert token.asked_ends_at == (NOW + asked * DAY if asked else None)
    changed = [(row.pk, end) for row, end in seen.sooner]
    assert changed == ([(token.pk, token.ends_at)] if ends != asked else [])


def test_looser_policy_gives_back_what_was_asked_for(cast):
    endless, long = make(cast), make(cast, ends_at=NOW + 100 * DAY)
    set_days(cast, 30)
    set_days(cast, 90, now=NOW + DAY)
    assert (end_of(endless), end_of(long)) == (NOW + 90 * DAY, NOW + 90 * DAY)
    seen = set_days(cast, None, now=NOW + 2 * DAY)
    assert (end_of(endless), end_of(long)) == (None, NOW + 100 * DAY)
    assert [end for _, end in seen.later] == [NOW + 100 * DAY, None]


def test_ended_tokens_and_those_of_others_stay(cast):
    ended, other = make(cast), make(cast)
    named_tokens.revoke_named_token(actor=actor_of(cast), public_id=ended.public_id, now=NOW + DAY)
    stranger = Actor(user=cast.outsider, account=cast.other_account, rights=RIGHTS[Role.OWNER])
    token_lifetime.set_token_lifetime(actor=stranger, days=30, now=NOW)
    assert (end_of(ended), end_of(other)) == (None, None)
    set_days(cast, 30)
    assert (end_of(ended), end_of(other)) == (None, NOW + 30 * DAY)


def test_same_policy_again_records_nothing(cast):
    for _ in range(2):
        set_days(cast, 30)
    assert AuditEvent.objects.filter(kind=EventKind.TOKEN_LIFETIME_CHANGED).count() == 1


def test_makers_get_one_mail_with_their_tokens_and_owner_and_admin_one_with_the_policy(cast):
    for name in ("Robot", "Scanner"):
        make(cast, "developer", name=name)
    left = make(cast, "admin", name="Gone")
    Membership.unscoped.filter(user=cast.admin).update(ends_at=NOW - DAY)
    set_days(cast, 30)
    do_work()
    found = {message.to[0]: message for message in mail.outbox if "live" in message.body}
    made = [message for message in mail.outbox if message.subject == "Tokens that you made end sooner now"]
    assert [message.to for message in made] == [[cast.developer.email]]
    assert "Robot" in made[0].body
    assert "Scanner" in made[0].body
    assert "3 named tokens now end sooner" in found[cast.owner.email].body
    assert left.name not in made[0].body


# --- Warnings


def test_maker_is_warned_once_at_each_threshold_however_often_the_task_runs(cast):
    token = make(cast, "developer", ends_at=NOW + 60 * DAY)
    for left in (20, 15, 14, 13, 8, 7, 2, 1, 0.5):
        for _ in range(2):
            token_lifetime.warn_of_ends(now=token.ends_at - left * DAY)
    assert warned() == [14, 7, 1]
    do_work()
    ours = [(message.to[0], message.subject) for message in mail.outbox if "ends in" in message.subject]
    assert [to for to, _ in ours].count(cast.developer.email) == 3
    assert ours.count((cast.owner.email, "Warehouse ends in 1 day")) == 1
    assert (cast.owner.email, "Warehouse ends in 14 days") not in ours


def test_task_that_is_late_warns_once(cast):
    token = make(cast, ends_at=NOW + 60 * DAY)
    token_lifetime.warn_of_ends(now=token.ends_at - 0.5 * DAY)
    token_lifetime.warn_of_ends(now=token.ends_at + DAY)
    assert warned() == [1]


@pytest.mark.parametrize(
    ("lives", "days"), [(0.5, []), (1, []), (5, [1]), (7, [1]), (10, [7, 1]), (14, [7, 1])]
)
def test_token_that_is_made_short_is_not_warned_about_at_once(cast, lives, days):
    token = make(cast, ends_at=NOW + lives * DAY)
    for hour in range(0, int(lives * 24), 3):
        token_lifetime.warn_of_ends(now=NOW + timedelta(hours=hour))
    assert warned() == days
    assert token.ended_at is None


def test_revoked_token_is_not_warned_about(cast):
    token = make(cast, ends_at=NOW + 60 * DAY)
    named_tokens.revoke_named_token(actor=actor_of(cast), public_id=token.public_id, now=NOW)
    token_lifetime.warn_of_ends(now=token.ends_at - 3 * DAY)
    assert warned() == []


def test_token_that_the_policy_cut_is_warned_about_by_its_new_end(cast):
    make(cast, age=100)
    set_days(cast, 30)
    token_lifetime.warn_of_ends(now=NOW)
    token_lifetime.warn_of_ends(now=NOW + 8 * DAY)
    assert warned() == [14, 7]


def test_auth_token_goes_on_and_owner_and_admin_are_warned(cast):
    token, _ = make_token(cast.account, made_at=NOW, made_by=cast.owner)
    make_token(cast.other_account, made_at=NOW - 400 * DAY)
    set_days(cast, 30)
    for day in (10, 16, 23, 29, 30, 31, 90):
        token_lifetime.warn_of_ends(now=NOW + day * DAY)
    assert warned() == [14, 7, 1, 0]
    assert end_of(token) is None
    do_work()
    subjects = [message.subject for message in mail.outbox if message.to == [cast.admin.email]]
    assert "An Auth Token of Halyard Logistics is older than it should be" in subjects
    set_days(cast, 90, now=NOW + 91 * DAY)
    token_lifetime.warn_of_ends(now=NOW + 91 * DAY)
    assert warned() == [14, 7, 1, 0, 0]


def test_retiring_auth_token_is_not_warned_about_twice(cast):
    make_token(cast.account, made_at=NOW - 100 * DAY, ends_at=NOW + DAY)
    set_days(cast, 30)
    assert token_lifetime.warn_of_ends(now=NOW) == 0


def test_page_counts_both_halves(cast):
    for number in range(3):
        token = make(cast, name=f"Robot {number}")
    named_tokens.revoke_named_token(actor=actor_of(cast), public_id=token.public_id, now=NOW)
    page = named_page(cast.account, half="ended", number=1, now=NOW + DAY)
    assert (page.live, page.ended, [row.state for row in page.rows]) == (2, 1, ["revoked"])
    assert Account.objects.get(pk=cast.account.pk).token_days is None
