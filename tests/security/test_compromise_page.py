"""The guided page: every part with its one action, for owner and admins, about their own account only."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Session, User
from console.core.access import AccessRefused, Actor
from console.core.events import EventKind, record
from console.core.models import AuditEvent
from console.core.requests import Origin
from security.compromise_queries import Section
from security.models import Anomaly
from security.services.members import NoSuchMember, end_member_session, sign_member_out
from teams.roles import Role
from tests.conftest import sign_in
from tests.factories import make_authenticator, make_member, make_token, make_user
from tests.security.allowlist_steps import actor_of, page
from tests.work import mails_to

TABLES = 8


@pytest.fixture
def owner(client, cast):
    return cast.sign_in(client, "owner")


def shown(client, cast, query=""):
    return client.get(page("compromise", cast.account) + query)


def note_sign_in(user, ip="192.0.2.200", **data):
    with transaction.atomic():
        actor = Actor.person(user, origin=Origin(ip=ip, user_agent="Mozilla/5.0 Firefox/128.0"))
        facts = {"device": "Firefox on Windows", "place": "Lyon, France", "method": "totp"} | data
        return record(EventKind.SIGN_IN_COMPLETED, actor=actor, target=user, **facts)


def test_it_shows_sign_ins_sessions_tokens_and_members_of_this_account_only(owner, cast):
    make_authenticator(cast.admin)
    note_sign_in(cast.admin)
    note_sign_in(cast.outsider, ip="203.0.113.77")
    sign_in(Client(), cast.developer)
    sign_in(Client(), cast.outsider)
    token, _ = make_token(cast.account, last_used_at=timezone.now(), last_used_ip="192.0.2.55")
    foreign, _ = make_token(cast.other_account)
    text = shown(owner, cast).text
    for words in (
        "192.0.2.200",
        "Lyon, France",
        "Firefox on Windows",
        "Developer Person",
        str(token),
        "192.0.2.55",
    ):
        assert words in text
    assert text.count(page("member_sign_out", cast.account, public_id=cast.admin.public_id)) == 2
    assert "Authenticator app" in text
    assert "Phone codes only" in text
    for words in ("203.0.113.77", "Otto Outsider", str(foreign)):
        assert words not in text


def test_long_parts_are_paged(owner, cast):
    for number in range(10):
        note_sign_in(cast.developer, ip=f"203.0.113.{number}")
    first, second = shown(owner, cast).text, shown(owner, cast, "?sign-ins=2").text
    assert "203.0.113.9" in first
    assert "203.0.113.1<" not in first
    assert "203.0.113.1<" in second
    assert "?sign-ins=2#sign-ins" in first


@pytest.mark.parametrize(
    "query", ["?sign-ins=0", "?members=-1", "?tokens=x", "?sessions=99999999999999", "?members=%00"]
)
def test_strange_page_numbers_show_a_page(owner, cast, query):
    assert shown(owner, cast, query).status_code == 200


def test_many_rows_cost_the_same_queries(owner, cast):
    def count():
        with CaptureQueriesContext(connection) as queries:
            assert shown(owner, cast).status_code == 200
        return len(queries)

    shown(owner, cast)
    few = count()
    for number in range(12):
        person = make_member(cast.account, user=make_user(f"p{number}@halyard.example"))
        note_sign_in(person)
        sign_in(Client(), person)
        make_token(cast.account, made_at=timezone.now(), ended_at=timezone.now())
        Anomaly.objects.create(
            account=cast.account, kind="new-destination", subject=str(number), day=timezone.now().date(),
            facts={"country": "Latvia"},
        )  # fmt: skip
    assert count() == few


def payments(*, account, now):
    """Stand for a part of a later app."""
    return Section(
        "Payment receipts", "The last payments.", [("$500.00", "Visa 4242")], "/pay/", "Open payments"
    )


def test_later_apps_add_parts_and_there_is_no_dead_one(owner, cast, settings):
    assert "Payment receipts" not in shown(owner, cast).text
    settings.COMPROMISE_SECTIONS = ["tests.security.test_compromise_page.payments"]
    text = shown(owner, cast).text
    assert "Payment receipts" in text
    assert "Visa 4242" in text


def test_pages_around_lead_to_it_for_those_who_may(owner, cast):
    address = page("compromise", cast.account)
    for around in (
        page("factor_list", cast.account),
        page("audit_log", cast.account),
        page("checkup", cast.account),
    ):
        assert address in owner.get(around).text
    developer = cast.sign_in(Client(), "developer")
    assert address not in developer.get(page("factor_list", cast.account)).text


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SUPPORT, Role.ANALYST])
def test_other_roles_may_not_look(cast, role):
    client = cast.sign_in(Client(), str(role))
    assert shown(client, cast).status_code == 403


# --- Ending sessions of members


def test_admin_ends_a_members_session(cast):
    admin, developer = cast.sign_in(Client(), "admin"), cast.sign_in(Client(), "developer")
    row = Session.objects.get(user=cast.developer)
    admin.post(page("member_session_end", cast.account, session=row.public_id))
    assert not Session.objects.filter(user=cast.developer).exists()
    assert "/sign-in/" in developer.get("/").url
    event = AuditEvent.objects.get(kind=EventKind.MEMBER_SIGNED_OUT)
    assert (event.user_id, event.chain) == (cast.admin.pk, f"account:{cast.account.pk}")
    assert any("signed out" in mail.subject for mail in mails_to(cast.developer.email))
    assert admin.post(page("member_session_end", cast.account, session=row.public_id)).status_code == 404


def test_session_of_another_tenant_is_not_there(owner, cast):
    sign_in(Client(), cast.outsider)
    row = Session.objects.get(user=cast.outsider)
    assert owner.post(page("member_session_end", cast.account, session=row.public_id)).status_code == 404
    assert Session.objects.filter(pk=row.pk).exists()


def test_signing_a_member_out_ends_all_and_asks_for_more(owner, cast):
    for _ in range(2):
        sign_in(Client(), cast.developer)
    address = page("member_sign_out", cast.account, public_id=cast.developer.public_id)
    assert "Sign this member out?" in owner.get(address).text
    owner.post(address)
    assert not Session.objects.filter(user=cast.developer).exists()
    assert User.objects.get(pk=cast.developer.pk).reverify_since is not None
    assert "Needs a mailed code next" in shown(owner, cast).text
    mail = next(mail for mail in mails_to(cast.developer.email) if "signed out" in mail.subject)
    assert "a code that we mail" in mail.body


def test_owner_who_signs_themself_out_keeps_this_session(owner, cast):
    sign_in(Client(), cast.owner)
    owner.post(page("member_sign_out", cast.account, public_id=cast.owner.public_id))
    assert Session.objects.filter(user=cast.owner).count() == 1
    assert shown(owner, cast).status_code == 200
    assert not any("signed out" in mail.subject for mail in mails_to(cast.owner.email))


def test_person_of_another_tenant_is_not_there(owner, cast):
    for public_id in (cast.outsider.public_id, uuid.uuid4()):
        address = page("member_sign_out", cast.account, public_id=public_id)
        assert owner.get(address).status_code == 404
        assert owner.post(address).status_code == 404
    assert User.objects.get(pk=cast.outsider.pk).reverify_since is None


def test_services_check_the_right_themselves(cast):
    actor = actor_of(cast, Role.DEVELOPER)
    with pytest.raises(AccessRefused):
        end_member_session(actor=actor, public_id=uuid.uuid4())
    with pytest.raises(AccessRefused):
        sign_member_out(actor=actor, public_id=cast.owner.public_id, keep=None, now=timezone.now())
    with pytest.raises(NoSuchMember):
        end_member_session(actor=actor_of(cast), public_id=uuid.uuid4())


def test_ending_needs_a_fresh_confirmation(cast):
    client = cast.sign_in(Client(), "owner", confirmed=False)
    sign_in(Client(), cast.developer)
    row = Session.objects.get(user=cast.developer)
    response = client.post(page("member_session_end", cast.account, session=row.public_id))
    assert "/confirm/" in response.url
    assert Session.objects.filter(pk=row.pk).exists()


def test_sessions_that_are_over_are_not_shown(owner, cast):
    sign_in(Client(), cast.developer, at=timezone.now() - timedelta(hours=13))
    assert "End the session of Developer Person" not in shown(owner, cast).text
