"""Create, change and delete subaccounts: what is done once, what is refused, and what people are told."""

import threading
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account, Credential
from accounts.services import credentials
from accounts.services.lockdown import TokensHeld, mark_locked, revoke_tokens
from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.networks import NetworkRefused
from console.core.permissions import Permission
from subaccounts.models import Application, Number, Subaccount
from subaccounts.services import applications, subaccounts
from subaccounts.services.owned import OWNED
from tests.accounts.api_caller import Api
from tests.factories import make_account, make_subaccount, make_token
from tests.subaccounts.stock import pay, rent
from tests.work import do_work, mails_to

NOW = timezone.now


@pytest.fixture
def actor(cast):
    return Actor(user=cast.owner, account=cast.account, rights=frozenset(Permission))


def create(actor, name="Driver app", **fields):
    return subaccounts.create_subaccount(actor=actor, name=name, is_enabled=True, now=NOW(), **fields)


def make_app(actor, subaccount):
    return applications.create_application(
        actor=actor,
        values={"name": f"app{uuid.uuid4().hex[:8]}"},
        subaccount=subaccount.auth_id,
        now=NOW(),
    )


def kinds():
    return list(AuditEvent.objects.order_by("pk").values_list("kind", flat=True))


def test_same_form_makes_one_subaccount_and_shows_its_token_once(actor):
    form_id = uuid.uuid4()
    first, second = create(actor, form_id=form_id), create(actor, form_id=form_id)
    assert (first.subaccount, bool(first.token), second.token) == (second.subaccount, True, "")
    assert Credential.objects.count() == 1
    event = AuditEvent.objects.get(kind=EventKind.SUBACCOUNT_CREATED)
    assert first.token not in str(event.data)
    assert event.target_label == "Driver app"


def test_no_more_than_the_most_and_none_during_a_lock_down(actor, settings):
    settings.CONSOLE_SUBACCOUNTS = 1
    make_subaccount(actor.account, deleted_at=NOW())
    create(actor)
    with pytest.raises(subaccounts.TooManySubaccounts):
        create(actor)
    settings.CONSOLE_SUBACCOUNTS = 5
    mark_locked(actor.account, now=NOW())
    with pytest.raises(TokensHeld):
        create(actor)
    assert Subaccount.unscoped.filter(deleted_at=None).count() == 1


@pytest.mark.parametrize("right", [Permission.SUBACCOUNT_VIEW, Permission.RESOURCE_MANAGE])
def test_reading_is_no_right_to_change(cast, right):
    reader = Actor(user=cast.developer, account=cast.account, rights=frozenset({right}))
    made, _ = make_subaccount(cast.account)
    deeds = [
        lambda: create(reader),
        lambda: subaccounts.change_subaccount(actor=reader, auth_id=made.auth_id, name="x", now=NOW()),
        lambda: subaccounts.set_networks(actor=reader, auth_id=made.auth_id, networks=[], now=NOW()),
        lambda: subaccounts.delete_subaccount(
            actor=reader, auth_id=made.auth_id, is_cascading=True, now=NOW()
        ),
        lambda: credentials.generate_token(actor=reader, revoke="now", now=NOW(), identity=made.identity),
    ]
    for deed in deeds:
        with pytest.raises(AccessRefused):
            deed()
    assert kinds() == []


def test_other_accounts_subaccounts_do_not_exist(actor):
    other, _ = make_subaccount(make_account("Elsewhere"))
    for deed in (
        lambda: subaccounts.change_subaccount(actor=actor, auth_id=other.auth_id, name="x", now=NOW()),
        lambda: subaccounts.set_networks(actor=actor, auth_id=other.auth_id, networks=[], now=NOW()),
        lambda: subaccounts.delete_subaccount(
            actor=actor, auth_id=other.auth_id, is_cascading=True, now=NOW()
        ),
    ):
        with pytest.raises(subaccounts.NoSuchSubaccount):
            deed()
    from accounts.models import ApiIdentity

    with pytest.raises(ApiIdentity.DoesNotExist):
        credentials.generate_token(actor=actor, revoke="now", now=NOW(), identity=other.identity)


# --- Tokens


def test_tokens_rotate_like_the_accounts_and_apart_from_them(actor):
    main, _ = make_token(actor.account)
    made, old = make_subaccount(actor.account)
    new = credentials.generate_token(actor=actor, revoke="24h", now=NOW(), identity=made.identity)
    for token in (old, new.token):
        assert Api(made.auth_id, token).ask().status_code == 403
    with pytest.raises(credentials.TooManyTokens):
        credentials.generate_token(actor=actor, revoke="never", now=NOW(), identity=made.identity)
    # The account's own page knows nothing of them.
    with pytest.raises(credentials.NoSuchToken):
        credentials.revoke_token(actor=actor, public_id=new.credential.public_id, now=NOW())
    credentials.revoke_token(
        actor=actor, public_id=new.credential.public_id, now=NOW(), identity=made.identity
    )
    assert Api(made.auth_id, new.token).ask().status_code == 401
    main.refresh_from_db()
    assert main.ended_at is None


def test_mails_about_its_tokens_name_it_and_lead_to_them(actor, cast):
    made, _ = make_subaccount(actor.account, "Driver app")
    credentials.generate_token(actor=actor, revoke="now", now=NOW(), identity=made.identity)
    do_work()
    mail = mails_to(cast.owner.email)[-1]
    assert "Driver app" in mail.subject
    assert f"/subaccounts/{made.auth_id}/tokens/" in mail.body
    assert "whole account" not in mail.body


def test_lock_down_stops_its_tokens(actor):
    made, token = make_subaccount(actor.account)
    assert revoke_tokens(actor.account, actor, NOW()) == 1
    assert Api(made.auth_id, token).ask().status_code == 401


# --- Addresses


def test_own_list_narrows_and_never_widens(actor):
    made, token = make_subaccount(actor.account)
    set_to = lambda *lines: subaccounts.set_networks(  # noqa: E731
        actor=actor, auth_id=made.auth_id, networks=lines, now=NOW()
    )
    inside, outside = Api(made.auth_id, token, "192.0.2.7"), Api(made.auth_id, token, "198.51.100.1")
    set_to("192.0.2.0/24", "2001:db8::/48")
    assert inside.ask().json()["code"] == "main_account_only"
    assert outside.ask().json()["code"] == "ip_not_allowed"
    Account.objects.filter(pk=actor.account.pk).update(allowlist_mode="enforcing")
    assert inside.ask().json()["code"] == "ip_not_allowed"
    with pytest.raises(NetworkRefused):
        set_to("192.0.2.1/24")
    set_to("192.0.2.0/24", "2001:db8::/48")
    set_to()
    made.refresh_from_db()
    assert made.networks is None
    assert kinds().count(EventKind.SUBACCOUNT_NETWORKS_CHANGED) == 2


# --- Delete


@pytest.mark.parametrize("is_cascading", [True, False])
def test_delete_takes_along_or_moves_everything_once(actor, is_cascading):
    made, token = make_subaccount(actor.account)
    kept, _ = make_subaccount(actor.account, "Other")
    make_app(actor, made)
    others = make_app(actor, kept)
    pay(actor.account, "10")
    number = rent(actor, subaccount_id=made.auth_id)
    done = subaccounts.delete_subaccount(
        actor=actor, auth_id=made.auth_id, is_cascading=is_cascading, now=NOW()
    )
    assert (done.counts["numbers"], done.counts["applications"]) == (1, 1)
    left = Application.objects.of(actor.account).exclude(pk=others.pk)
    assert (left.count(), Number.unscoped.filter(pk=number.pk).count()) == (
        (0, 0) if is_cascading else (1, 1)
    )
    assert not left.exclude(subaccount=None).exists()
    assert Api(made.auth_id, token).ask().status_code == 401
    again = subaccounts.delete_subaccount(actor=actor, auth_id=made.auth_id, is_cascading=True, now=NOW())
    assert (again.counts, kinds().count(EventKind.SUBACCOUNT_DELETED)) == ({}, 1)
    others.refresh_from_db()
    assert others.subaccount == kept


def test_every_kind_that_points_to_a_subaccount_is_in_the_registry_or_stays_on_purpose():
    stays = {"MonthSpend", "SpendLimit", "UsageEvent", "UsageDay", "KeptAnswer"}
    pointing = {
        relation.related_model.__name__
        for relation in Subaccount._meta.related_objects
        if relation.related_model._meta.app_label == "subaccounts"
    }
    assert {kind.model.__name__ for kind in OWNED} == pointing - stays


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_double_click_deletes_once():
    account = make_account()
    made, _ = make_subaccount(account)
    barrier, found = threading.Barrier(2), []

    def delete():
        try:
            barrier.wait(5)
            actor = Actor.system(account)
            done = subaccounts.delete_subaccount(
                actor=actor, auth_id=made.auth_id, is_cascading=False, now=NOW()
            )
            found.append(bool(done.counts))
        finally:
            connection.close()

    threads = [threading.Thread(target=delete) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(found) == [False, True]
    assert kinds() == [EventKind.SUBACCOUNT_DELETED]


# --- Mails


def test_people_are_told_of_each_deed_and_of_a_programs_deeds_once_an_hour(actor, cast):
    made = create(actor).subaccount
    subaccounts.change_subaccount(actor=actor, auth_id=made.auth_id, is_enabled=False, now=NOW())
    subaccounts.delete_subaccount(actor=actor, auth_id=made.auth_id, is_cascading=False, now=NOW())
    api = Actor(account=actor.account, rights=actor.rights, kind="api")
    for number in range(3):
        create(api, f"Shop {number}")
    do_work()
    subjects = [mail.subject for mail in mails_to(cast.owner.email)]
    for words in ("Driver app was created", "Driver app was disabled", "Driver app was deleted"):
        assert sum(words in subject for subject in subjects) == 1, words
    assert sum("Shop" in subject for subject in subjects) in {1, 2}  # two, when the clock strikes in between
