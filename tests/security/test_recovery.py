"""Getting back in after every factor is lost: slowly, by two people, and with everybody told."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from console.core.access import AccessRefused, Actor
from console.core.errors import TooManyRequests
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.devinbox.models import DevMessage
from security import queries
from security.models import AuthenticatorDevice, PhoneDevice, RecoveryCode, RecoveryRequest
from security.services.recovery_finish import finish_recovery
from security.services.recovery_links import CANCEL, FINISH, RecoveryRefused, address_of
from security.services.recovery_request import advance_recoveries, cancel_recovery
from security.services.recovery_staff import RecoveryDecided, SecondPersonNeeded, reject_recovery
from security.tasks import advance_recoveries as beat
from security.tasks import sweep_expired
from tests.conftest import sign_in
from tests.factories import PASSWORD, make_account, make_authenticator, make_member, make_user
from tests.security import recovery_steps as steps
from tests.security.recovery_steps import HOURS, STORY, approve, ask, confirm, link_in, newest, verify
from tests.security.steps import ORIGIN, app_code, codes_left, enter_password, is_signed_in, settle, shown_key
from tests.work import do_work, mails_to, newest_code

State = RecoveryRequest.State
LOST, SENT = "/sign-in/second-factor/lost/", "/sign-in/second-factor/lost/sent/"


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def person(cast, now):
    """Return a developer who signed in before and has app, phone and codes."""
    make_authenticator(cast.developer)
    settle(cast.developer)
    User.objects.filter(pk=cast.developer.pk).update(last_login=now - timedelta(days=30))
    return User.objects.get(pk=cast.developer.pk)


@pytest.fixture
def sue(db):
    return steps.make_staff("sue", "support")


@pytest.fixture
def rick(db):
    return steps.make_staff("rick", "risk")


@pytest.fixture
def both(db):
    """Return somebody who may verify and approve, but never both for one request."""
    return steps.make_staff("boss", is_superuser=True)


# --- asking ----------------------------------------------------------------------------------


def test_way_in_is_on_the_page_of_the_second_factor(person, client):
    enter_password(client, person)
    page = client.get("/sign-in/second-factor/", follow=True).content.decode()
    assert LOST in page
    assert client.get(LOST).status_code == 200


def test_password_comes_first(client, db):
    assert client.get(LOST).url == "/sign-in/"
    assert client.post(LOST, {"story": STORY}).url == "/sign-in/"
    assert not RecoveryRequest.objects.exists()


def test_asking_mails_a_link_and_changes_nothing(person, client):
    enter_password(client, person)
    assert client.post(LOST, {"story": STORY}).url == SENT
    row = newest(person)
    assert (row.state, row.story) == (State.ASKED, STORY)
    assert client.get(SENT).status_code == 200
    assert mails_to(person.email)[-1].subject == "Confirm that you lost your second factors"
    assert not is_signed_in(client)
    assert queries.factors_of(person).has_authenticator


@pytest.mark.parametrize("story", ["", "   ", "x" * 1001, "nul\0byte", "\u202eright to left"])
def test_hostile_or_empty_story_is_refused(person, client, story):
    enter_password(client, person)
    assert client.post(LOST, {"story": story}).status_code == 422
    assert not RecoveryRequest.objects.exists()


def test_answer_is_the_same_while_a_request_is_open(person, client, sue):
    verify(confirm(ask(person)), sue)
    enter_password(client, person)
    assert client.post(LOST, {"story": "Again."}).url == SENT
    assert RecoveryRequest.objects.count() == 1
    assert newest(person).state == State.VERIFIED


def test_unconfirmed_request_gives_way_to_a_new_one(person, client):
    first = ask(person)
    second = ask(person)
    first.refresh_from_db()
    assert (first.state, second.state) == (State.EXPIRED, State.ASKED)
    with pytest.raises(RecoveryRefused):
        confirm(first)


def test_asking_is_limited(person, now):
    for _ in range(3):
        ask(person, now=now)
    with pytest.raises(TooManyRequests):
        ask(person, now=now)
    ask(person, now=now + timedelta(days=1, seconds=1))


def test_one_open_request_for_a_person_in_the_database(person, now):
    row = ask(person)
    with pytest.raises(IntegrityError), transaction.atomic():
        RecoveryRequest.objects.create(
            user=person, email=person.email, story="x", asked_at=now, expires_at=row.expires_at
        )


# --- confirming by mail ----------------------------------------------------------------------


def test_link_opens_a_page_and_only_the_button_confirms(person, client):
    ask(person)
    path = link_in(person.email, "recovery/confirm")
    opened = client.get(path)
    assert opened.url == "/recovery/confirm/"
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert "send it to the staff" in client.get("/recovery/confirm/").content.decode()
    assert newest(person).state == State.ASKED
    assert client.post("/recovery/confirm/").status_code == 200
    assert newest(person).state == State.CONFIRMED
    again = client.post("/recovery/confirm/")
    assert again.status_code == 410


def test_confirmation_works_for_a_day(person, client, now):
    row = ask(person, now=now)
    with pytest.raises(RecoveryRefused) as caught:
        confirm(row, now=now + timedelta(hours=24))
    assert caught.value.code == "expired"
    advance_recoveries(now=now + timedelta(hours=24))
    assert newest(person).state == State.EXPIRED


@pytest.mark.parametrize("deed", ["confirm", "cancel", "finish"])
def test_altered_and_mixed_up_links_open_nothing(person, client, deed):
    row = ask(person)
    assert client.get(f"/recovery/{deed}/altered-token/").status_code == 410
    other = {"confirm": CANCEL, "cancel": FINISH, "finish": CANCEL}[deed]
    token = address_of(row, other).rstrip("/").rsplit("/", 1)[1]
    assert client.get(f"/recovery/{deed}/{token}/").status_code == 410
    assert client.get(f"/recovery/{deed}/").status_code == 410
    assert client.post(f"/recovery/{deed}/").status_code == 410


def test_link_to_a_former_address_is_over(person):
    row = ask(person)
    User.objects.filter(pk=person.pk).update(email="new@halyard.example")
    with pytest.raises(RecoveryRefused):
        confirm(row)


# --- the staff -------------------------------------------------------------------------------


def test_two_people_and_72_hours_lead_to_a_link(person, sue, rick, now):
    row = verify(confirm(ask(person, now=now), now=now), sue, now=now)
    assert (row.state, row.waits_until) == (State.VERIFIED, now + HOURS)
    row = approve(row, rick, now=now + timedelta(hours=1))
    assert row.state == State.APPROVED
    advance_recoveries(now=now + HOURS - timedelta(seconds=1))
    assert newest(person).state == State.APPROVED
    assert advance_recoveries(now=now + HOURS) == 1
    row = newest(person)
    assert (row.state, row.link_number) == (State.READY, 1)
    assert advance_recoveries(now=now + HOURS) == 0
    assert mails_to(person.email)[-1].subject == "Add new second factors to your sign-in"


def test_approval_after_the_wait_sends_the_link_then(person, sue, rick, now):
    row = verify(confirm(ask(person, now=now), now=now), sue, now=now)
    advance_recoveries(now=now + HOURS)
    assert newest(person).state == State.VERIFIED
    approve(row, rick, now=now + HOURS + timedelta(hours=5))
    advance_recoveries(now=now + HOURS + timedelta(hours=5))
    assert newest(person).state == State.READY


def test_one_person_never_does_both(person, both):
    row = verify(confirm(ask(person)), both)
    with pytest.raises(SecondPersonNeeded):
        approve(row, both)
    assert newest(person).approved_by is None
    with pytest.raises(IntegrityError), transaction.atomic():
        RecoveryRequest.objects.update(approved_by=both)


def test_staff_never_recover_themselves(both, now):
    make_authenticator(both)
    row = confirm(ask(both))
    with pytest.raises(SecondPersonNeeded):
        verify(row, both)
    with pytest.raises(SecondPersonNeeded):
        reject_recovery(actor=steps.staff_actor(both), public_id=row.public_id, reason="x", now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        RecoveryRequest.objects.update(verified_by=both)


def test_database_refuses_a_use_before_the_wait_is_over(person, sue, rick, now):
    approve(verify(confirm(ask(person)), sue), rick)
    with pytest.raises(IntegrityError), transaction.atomic():
        RecoveryRequest.objects.update(used_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        RecoveryRequest.objects.update(link_number=1, approved_by=None)


def test_support_verifies_and_risk_approves(person, sue, rick):
    row = confirm(ask(person))
    with pytest.raises(AccessRefused):
        verify(row, rick)
    row = verify(row, sue)
    with pytest.raises(AccessRefused):
        approve(row, steps.make_staff("sam", "support"))
    finance = steps.make_staff("fay", "finance")
    with pytest.raises(AccessRefused):
        approve(row, finance)
    with pytest.raises(AccessRefused):
        reject_recovery(
            actor=steps.staff_actor(finance), public_id=row.public_id, reason="x", now=timezone.now()
        )


def test_customer_is_no_staff(person, cast):
    row = confirm(ask(person))
    customer = Actor.person(cast.owner, origin=ORIGIN)
    with pytest.raises(AccessRefused):
        reject_recovery(actor=customer, public_id=row.public_id, reason="x", now=timezone.now())


@pytest.mark.parametrize(("evidence", "remark"), [("", "text"), ("video", ""), ("made-up", "text")])
def test_verification_needs_recorded_evidence(person, sue, evidence, remark):
    row = confirm(ask(person))
    with pytest.raises(RecoveryDecided):
        verify(row, sue, evidence=evidence, remark=remark)


def test_unconfirmed_request_is_not_verified_and_unverified_not_approved(person, sue, rick):
    row = ask(person)
    with pytest.raises(RecoveryDecided):
        verify(row, sue)
    with pytest.raises(RecoveryDecided):
        approve(confirm(row), rick)


def test_rejection_needs_a_reason_and_is_mailed(person, sue, rick, now):
    row = verify(confirm(ask(person)), sue)
    facts = {"actor": steps.staff_actor(rick), "public_id": row.public_id, "now": now}
    with pytest.raises(RecoveryDecided):
        reject_recovery(**facts, reason="")
    reject_recovery(**facts, reason="The passport was expired.")
    assert newest(person).state == State.REJECTED
    mail = mails_to(person.email)[-1]
    assert mail.subject == "The recovery of your sign-in was rejected"
    assert "The passport was expired." in mail.body


# --- what everybody is told ------------------------------------------------------------------


def test_person_owner_and_admin_are_told_on_every_channel(person, cast, sue):
    verify(confirm(ask(person)), sue)
    mail = mails_to(person.email)[-1]
    assert mail.subject == "Your second factors will be removed in 72 hours"
    assert "/recovery/cancel/" in mail.body
    assert "Olivia Owner" in mail.body
    for contact in (cast.owner, cast.admin):
        body = mails_to(contact.email)[-1].body
        assert person.email in body
        assert "/recovery/cancel/" in body
    assert not mails_to(cast.support.email)
    assert not mails_to(cast.outsider.email)
    text = DevMessage.objects.filter(to=person.phone).latest("pk").text
    assert "/recovery/cancel/" in text


def test_open_session_shows_a_banner(person, cast, sue, client):
    sign_in(client, person, at=timezone.now() - timedelta(minutes=20))
    home = f"/{cast.account.auth_id}/account/settings/profile/"
    row = confirm(ask(person))
    assert "remove all your second factors" not in client.get(home).content.decode()
    verify(row, sue)
    page = client.get(home).content.decode()
    assert "remove all your second factors" in page
    assert "/recovery/cancel/" in page
    other = cast.sign_in(Client(), "owner")
    assert "remove all your second factors" not in other.get(home).content.decode()


def test_reminded_each_day_once(person, sue, now):
    verify(confirm(ask(person, now=now), now=now), sue, now=now)
    day = timedelta(days=1)
    assert [advance_recoveries(now=now + moment) for moment in (day, day, 2 * day, 2 * day)] == [1, 0, 1, 0]
    assert advance_recoveries(now=now + HOURS) == 0
    subjects = [mail.subject for mail in mails_to(person.email)]
    assert subjects.count("Reminder: your second factors will be removed") == 2


def test_events_are_on_the_chains_of_person_staff_and_account(person, cast, sue, rick):
    approve(verify(confirm(ask(person)), sue), rick)
    chains = {
        kind: set(AuditEvent.objects.filter(kind=kind).values_list("chain", flat=True))
        for kind in (EventKind.RECOVERY_ASKED, EventKind.RECOVERY_VERIFIED, EventKind.RECOVERY_APPROVED)
    }
    own, account = f"user:{person.pk}", f"account:{cast.account.pk}"
    assert chains[EventKind.RECOVERY_ASKED] == {own}
    assert chains[EventKind.RECOVERY_VERIFIED] == {own, "staff", account}
    assert chains[EventKind.RECOVERY_APPROVED] == {own, "staff", account}


# --- cancelling ------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["mail", "text", "session", "contact"])
def test_each_link_cancels_without_a_session(person, sue, client, channel):
    row = verify(confirm(ask(person)), sue)
    path = address_of(row, CANCEL, detail=channel).split("/", 3)[3]
    assert client.get(f"/{path}").url == "/recovery/cancel/"
    assert "Cancel the recovery" in client.get("/recovery/cancel/").content.decode()
    assert newest(person).state == State.VERIFIED
    assert "is cancelled" in client.post("/recovery/cancel/").content.decode()
    row = newest(person)
    assert (row.state, row.closed_by) == (State.CANCELLED, channel)
    assert client.post("/recovery/cancel/").status_code == 410
    assert mails_to(person.email)[-1].subject == "The recovery of your sign-in is cancelled"


def test_signing_in_with_a_factor_cancels_it(person, sue, rick, client):
    row = approve(verify(confirm(ask(person)), sue), rick)
    enter_password(client, person)
    client.post("/sign-in/second-factor/app/", {"code": app_code()})
    assert is_signed_in(client)
    with pytest.raises(RecoveryRefused):
        approve(row, rick)
    beat()
    row = newest(person)
    assert (row.state, row.closed_by) == (State.CANCELLED, "system")
    assert "You signed in" in mails_to(person.email)[-1].body


def test_sign_in_cancels_even_before_the_sweep_saw_it(person, sue, rick, now):
    row = steps.make_ready(person, sue, rick, asked_at=now - HOURS)
    User.objects.filter(pk=person.pk).update(last_login=now)
    with pytest.raises(RecoveryRefused):
        finish_recovery(public_id=row.public_id, number=1, user=person, origin=ORIGIN, now=now)
    assert queries.factors_of(person).has_authenticator


def test_request_that_waits_for_staff_expires(person, sue, now):
    confirm(ask(person, now=now), now=now)
    advance_recoveries(now=now + timedelta(days=14))
    assert newest(person).state == State.EXPIRED
    later = now + timedelta(days=20)
    verify(confirm(ask(person, now=later), now=later), sue, now=later)
    advance_recoveries(now=later + HOURS + timedelta(days=14))
    assert newest(person).state == State.EXPIRED
    assert mails_to(person.email)[-1].subject == "The recovery of your sign-in expired"


# --- beginning anew --------------------------------------------------------------------------


@pytest.fixture
def ready(person, sue, rick, now):
    return steps.make_ready(person, sue, rick, asked_at=now - HOURS)


def open_link(client, person):
    return client.get(link_in(person.email, "recovery/finish"))


def test_link_and_password_remove_everything_and_lead_to_new_factors(ready, person, cast):
    session = Client()
    sign_in(session, person)
    client = Client()
    assert open_link(client, person).url == "/recovery/finish/"
    assert person.email in client.get("/recovery/finish/").content.decode()
    assert queries.factors_of(person).has_authenticator
    assert client.post("/recovery/finish/", {"password": PASSWORD}).url == "/welcome/phone/"
    factors = queries.factors_of(person)
    assert not factors.has_any
    assert codes_left(person) == 0
    assert not Session.objects.filter(user=person).exists()
    assert newest(person).state == State.USED
    enrol(client)
    assert is_signed_in(client)
    device = AuthenticatorDevice.objects.get(user=person)
    assert device.weak_until > timezone.now() + timedelta(hours=23)
    assert PhoneDevice.objects.get(user=person).weak_until
    assert RecoveryCode.objects.filter(user=person, weak_until=None).count() == 0
    assert "Every second factor of your sign-in was removed" in [m.subject for m in mails_to(person.email)]
    assert not queries.is_recovering(person)


def enrol(client, number="612345678"):
    client.post("/welcome/phone/", {"country": "NL", "number": number})
    client.post("/welcome/phone/code/", {"code": newest_code(f"+31{number}")})
    client.post("/welcome/second-factor/", {"factor": "app"})
    seed = shown_key(client.get("/welcome/authenticator/"))
    client.post("/welcome/authenticator/", {"code": app_code(seed)})
    client.post("/welcome/recovery-codes/")
    client.post("/welcome/recovery-codes/", {"kept": "on"})


def test_wrong_password_removes_nothing_and_is_counted(ready, person, client):
    open_link(client, person)
    response = client.post("/recovery/finish/", {"password": "not the password"})
    assert response.status_code == 422
    assert queries.factors_of(person).has_authenticator
    assert newest(person).state == State.READY
    assert AuditEvent.objects.filter(kind=EventKind.SIGN_IN_FAILED).exists()


def test_link_works_once(ready, person, client):
    path = link_in(person.email, "recovery/finish")
    client.get(path)
    client.post("/recovery/finish/", {"password": PASSWORD})
    other = Client()
    other.get(path)
    assert other.get("/recovery/finish/").status_code == 410
    assert other.post("/recovery/finish/", {"password": PASSWORD}).status_code == 410


def test_link_works_for_a_day(ready, person, client, now):
    with time_machine.travel(now + timedelta(hours=24), tick=False):
        open_link(client, person)
        assert client.post("/recovery/finish/", {"password": PASSWORD}).status_code == 410
        beat()
    assert newest(person).state == State.EXPIRED
    assert queries.factors_of(person).has_authenticator


def test_password_alone_adds_no_factor_after_the_removal(ready, person, client):
    open_link(client, person)
    client.post("/recovery/finish/", {"password": PASSWORD})
    thief = Client()
    assert enter_password(thief, person).url == "/sign-in/recovered/"
    assert thief.get("/welcome/phone/").url == "/sign-in/recovered/"
    assert thief.get("/sign-in/recovered/").status_code == 200
    assert not is_signed_in(thief)


def test_person_who_stopped_half_way_gets_another_link(ready, person, client):
    open_link(client, person)
    client.post("/recovery/finish/", {"password": PASSWORD})
    later = Client()
    enter_password(later, person)
    assert "on its way" in later.post("/sign-in/recovered/").content.decode()
    open_link(later, person)
    assert later.post("/recovery/finish/", {"password": PASSWORD}).url == "/welcome/phone/"
    enrol(later)
    assert is_signed_in(later)


def test_another_link_is_limited(ready, person, client):
    open_link(client, person)
    client.post("/recovery/finish/", {"password": PASSWORD})
    later = Client()
    enter_password(later, person)
    answers = [later.post("/sign-in/recovered/").status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]


def test_link_of_somebody_else_removes_nothing(ready, person, cast, now):
    with pytest.raises(RecoveryRefused):
        finish_recovery(public_id=ready.public_id, number=1, user=cast.outsider, origin=ORIGIN, now=now)
    assert queries.factors_of(person).has_authenticator


def test_lost_resumption_page_is_for_those_who_need_it(person, client):
    enter_password(client, person)
    assert client.get("/sign-in/recovered/").url == "/sign-in/second-factor/"


def test_requests_that_changed_nothing_go_after_a_year(ready, person, cast, now):
    finish_recovery(public_id=ready.public_id, number=1, user=person, origin=ORIGIN, now=now)
    dropped = ask(cast.outsider)
    RecoveryRequest.objects.update(closed_at=now - timedelta(days=366))
    sweep_expired()
    assert not RecoveryRequest.objects.filter(pk=dropped.pk).exists()
    assert RecoveryRequest.objects.filter(pk=ready.pk).exists()


# --- the admin -------------------------------------------------------------------------------


def admin_path(row):
    return f"/admin/security/recoveryrequest/{row.pk}/change/"


def staff_client(user):
    client = Client()
    sign_in(client, user)
    return client


def test_queue_verifies_and_approves_by_two_people(person, sue, rick):
    row = confirm(ask(person))
    support, risk = staff_client(sue), staff_client(rick)
    assert person.email in support.get("/admin/security/recoveryrequest/").content.decode()
    page = support.get(admin_path(row)).content.decode()
    assert STORY in page
    assert "Halyard Logistics" in page
    refused = support.post(admin_path(row), {"decision": "verify"})
    assert refused.status_code == 200
    assert newest(person).state == State.CONFIRMED
    support.post(admin_path(row), {"decision": "verify", "proof": "call", "remark": "Called the old number."})
    assert newest(person).state == State.VERIFIED
    support.post(admin_path(row), {"decision": "approve"})
    assert newest(person).state == State.VERIFIED
    risk.post(admin_path(row), {"decision": "approve"})
    row = newest(person)
    assert (row.state, row.verified_by, row.approved_by) == (State.APPROVED, sue, rick)


def test_finance_and_customers_do_not_see_the_queue(person, cast):
    finance = staff_client(steps.make_staff("fay", "finance"))
    assert finance.get("/admin/security/recoveryrequest/").status_code == 403
    customer = cast.sign_in(Client(), "owner")
    assert customer.get("/admin/security/recoveryrequest/").status_code == 404


def test_nobody_adds_or_deletes_requests(person, both):
    row, boss = ask(person), staff_client(both)
    assert boss.get("/admin/security/recoveryrequest/add/").status_code == 403
    path = f"/admin/security/recoveryrequest/{row.pk}/delete/"
    assert boss.post(path, {"post": "yes"}).status_code == 403


# --- races -----------------------------------------------------------------------------------


def at_once(*deeds):
    """Do the deeds at the same time, and return how each ended."""
    ends, gate = [], threading.Barrier(len(deeds))

    def run(deed):
        gate.wait()
        try:
            deed()
            ends.append("done")
        except Exception as error:
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


@pytest.fixture
def lonely(transactional_db):
    """Return a person with an account, committed so that threads see them."""
    person = make_user("lone@halyard.example", last_login=timezone.now() - timedelta(days=9))
    make_account("Lone Ltd", owner=make_user("boss@lone.example"))
    make_member(make_account("Halyard"), user=person)
    make_authenticator(person)
    return person


@pytest.fixture
def crew(lonely):
    return [steps.make_staff(name, is_superuser=True) for name in ("ann", "ben", "cat")]


def test_two_staff_verify_at_once(lonely, crew):
    row = confirm(ask(lonely))
    ends = at_once(lambda: verify(row, crew[0]), lambda: verify(row, crew[1]))
    assert ends == ["RecoveryDecided", "done"]
    assert AuditEvent.objects.filter(kind=EventKind.RECOVERY_VERIFIED, chain="staff").count() == 1


def test_two_staff_approve_at_once(lonely, crew):
    row = verify(confirm(ask(lonely)), crew[0])
    ends = at_once(*(lambda who=who: approve(row, who) for who in crew))
    assert sorted(ends) == ["RecoveryDecided", "SecondPersonNeeded", "done"] or ends == [
        "RecoveryDecided",
        "RecoveryDecided",
        "done",
    ]
    row.refresh_from_db()
    assert row.approved_by != row.verified_by


def test_cancel_while_somebody_approves(lonely, crew):
    row = verify(confirm(ask(lonely)), crew[0])
    cancel = {"public_id": row.public_id, "channel": "mail", "origin": ORIGIN}
    ends = at_once(lambda: cancel_recovery(**cancel, now=timezone.now()), lambda: approve(row, crew[1]))
    assert ends in (["done", "done"], ["RecoveryRefused", "done"])
    row.refresh_from_db()
    assert row.state == State.CANCELLED
    advance_recoveries(now=timezone.now() + HOURS * 2)
    row.refresh_from_db()
    assert (row.state, row.link_number) == (State.CANCELLED, 0)


def test_link_used_twice_at_once(lonely, crew):
    now = timezone.now()
    row = steps.make_ready(lonely, crew[0], crew[1], asked_at=now - HOURS)
    use = {"public_id": row.public_id, "number": 1, "user": lonely, "origin": ORIGIN, "now": now}
    assert at_once(lambda: finish_recovery(**use), lambda: finish_recovery(**use)) == [
        "RecoveryRefused",
        "done",
    ]
    assert AuditEvent.objects.filter(kind=EventKind.RECOVERY_DONE, chain=f"user:{lonely.pk}").count() == 1


def test_two_sweeps_at_once_send_one_link(lonely, crew):
    now = timezone.now()
    approve(verify(confirm(ask(lonely)), crew[0], now=now), crew[1], now=now)
    at_once(*[lambda: advance_recoveries(now=now + HOURS)] * 2)
    do_work()
    assert newest(lonely).link_number == 1
    subjects = [mail.subject for mail in mails_to(lonely.email)]
    assert subjects.count("Add new second factors to your sign-in") == 1
