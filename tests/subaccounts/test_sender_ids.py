"""Sender IDs: asked for by customers, decided by staff country by country, removed, moved."""

import pytest
from django.urls import reverse
from django.utils import timezone

from console.core.access import AccessRefused, Actor
from console.core.models import AuditEvent
from console.core.templatetags.staff import staff_queues
from subaccounts.models import SenderId
from subaccounts.queries.sender_ids import count_waiting
from subaccounts.services import sender_ids as services
from subaccounts.services.owners import ResourceRefused
from tests.factories import make_subaccount
from tests.subaccounts.stock import owner_of
from tests.work import mails_to

NOW = timezone.now


@pytest.fixture
def actor(cast):
    return owner_of(cast.account)


def ask(actor, sender="HALYARD", country="NL", **more):
    facts = {"sender": sender, "country_iso": country, "purpose": "Delivery times"} | more
    return services.request_sender_id(actor=actor, now=NOW(), **facts)


def decide(cast, row, *, is_approved=True, note=""):
    staff = Actor(user=cast.staff, kind="staff")
    return services.decide_sender_id(
        actor=staff, sender_id=row, is_approved=is_approved, note=note, now=NOW()
    )


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Halyard", "Halyard"),
        (" 24 Hours ", "24 Hours"),
        ("ab", None),
        ("twelveletter", None),
        ("12345", None),
        ("Håly", None),
        ("Hal-yard", None),
        ("Hal\nyard", None),
        ("\u0410lpha", None),
        ("   ", None),
    ],
)
def test_sender_is_what_phones_show(text, answer):
    if answer:
        assert services.check_sender(text) == answer
        return
    with pytest.raises(services.SenderRefused):
        services.check_sender(text)


def test_request_waits_for_staff_who_are_told(cast, actor, settings):
    row = ask(actor)
    assert (row.state, count_waiting()) == ("requested", 1)
    mail = mails_to(settings.SUPPORT_EMAIL)[-1]
    assert "HALYARD for Netherlands" in mail.subject
    assert "Delivery times" in mail.body


def test_same_name_is_asked_for_once_an_owner_and_country(cast, actor):
    sub, _ = make_subaccount(cast.account)
    row = ask(actor)
    with pytest.raises(services.AlreadyAsked):
        ask(actor)
    ask(actor, country="BE")
    ask(actor, subaccount_id=sub.auth_id)
    decide(cast, row, is_approved=False, note="Not your name")
    assert ask(actor).state == "requested"
    theirs, _ = make_subaccount(cast.other_account)
    with pytest.raises(ResourceRefused):
        ask(actor, subaccount_id=theirs.auth_id)


def test_waiting_requests_are_limited(actor, settings):
    settings.CONSOLE_SENDER_IDS_WAITING = 1
    ask(actor)
    with pytest.raises(services.TooManyWaiting):
        ask(actor, country="BE")


def test_decision_is_mailed_to_who_asked_and_to_owner_and_admins(cast):
    developer = owner_of(cast.account)
    row = ask(Actor(user=cast.developer, account=cast.account, rights=developer.rights))
    decide(cast, row)
    for person in (cast.owner, cast.admin, cast.developer):
        assert mails_to(person.email)[-1].subject == "HALYARD is whitelisted in Netherlands"
    assert not mails_to(cast.support.email)
    with pytest.raises(services.AlreadyDecided):
        decide(cast, row, is_approved=False)


def test_only_staff_decide_and_only_roles_with_the_right_ask(cast, actor):
    row = ask(actor)
    with pytest.raises(AccessRefused):
        services.decide_sender_id(actor=actor, sender_id=row, is_approved=True, note="", now=NOW())
    analyst = Actor(user=cast.analyst, account=cast.account)
    with pytest.raises(AccessRefused):
        ask(analyst, country="BE")
    with pytest.raises(AccessRefused):
        services.remove_sender_id(actor=analyst, public_id=row.public_id, now=NOW())


def test_sender_id_is_removed_by_its_account_alone(cast, actor):
    row = ask(actor)
    with pytest.raises(services.NoSuchSender):
        services.remove_sender_id(actor=owner_of(cast.other_account), public_id=row.public_id, now=NOW())
    services.remove_sender_id(actor=actor, public_id=row.public_id, now=NOW())
    assert not SenderId.unscoped.exists()
    assert AuditEvent.objects.get(kind="sender-id:removed").data == {"country": "NL", "state": "requested"}


def test_sender_ids_of_a_subaccount_that_goes_move_and_of_two_the_whitelisted_stays(cast, actor):
    sub, _ = make_subaccount(cast.account)
    ask(actor, "BOTH")
    better = decide(cast, ask(actor, "BOTH", subaccount_id=sub.auth_id))
    kept = decide(cast, ask(actor, "MAIN"))
    ask(actor, "MAIN", subaccount_id=sub.auth_id)
    only = ask(actor, "ONLY", subaccount_id=sub.auth_id)
    assert services.move_to_main(actor=actor, subaccount=sub, now=NOW()) == 3
    assert set(SenderId.unscoped.all()) == {better, kept, only}
    assert not SenderId.unscoped.exclude(subaccount=None).exists()
    assert services.move_to_main(actor=actor, subaccount=sub, now=NOW()) == 0


def test_sender_ids_of_a_subaccount_that_is_deleted_go(cast, actor):
    sub, _ = make_subaccount(cast.account)
    ask(actor)
    ask(actor, subaccount_id=sub.auth_id)
    assert services.delete_of(actor=actor, subaccount=sub, now=NOW()) == 1
    assert SenderId.unscoped.count() == 1
    assert AuditEvent.objects.get(kind="sender-id:all-removed").data == {"count": 1}


# --- Staff


def test_staff_decline_with_a_reason(client, cast, actor):
    row = ask(actor)
    ask(owner_of(cast.other_account), "Halyard")
    cast.sign_in(client, "staff")
    address = reverse("admin:subaccounts_senderid_change", args=[row.pk])
    page = client.get(address).content.decode()
    assert "Delivery times" in page
    assert cast.other_account.auth_id in page
    assert "Write why" in client.post(address, {"decision": "decline"}).content.decode()
    client.post(address, {"decision": "decline", "note": "Show that the name is yours."})
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.note) == ("declined", cast.staff, "Show that the name is yours.")
    assert "already" in client.post(address, {"decision": "approve"}).content.decode()
    assert "Show that the name is yours." in mails_to(cast.owner.email)[-1].body


def test_index_of_the_admin_counts_what_waits(client, cast, actor):
    ask(actor)
    decide(cast, ask(actor, country="BE"))
    cast.sign_in(client, "staff")
    page = client.get(reverse("admin:index")).content.decode()
    queues = {queue.label: queue.count for queue in staff_queues(cast.staff)}
    assert queues["Sender IDs"] == 1
    assert queues["Recoveries"] == 0
    assert page.count(reverse("admin:subaccounts_senderid_changelist")) >= 2
    cast.staff.is_superuser = False
    assert staff_queues(cast.staff) == []


# --- Pages


def at(cast, name="list", **more):
    return reverse(f"subaccounts:sender_id_{name}", kwargs={"account": cast.account.auth_id, **more})


def test_developer_asks_on_the_page_and_takes_it_back(client, cast):
    cast.sign_in(client, "developer")
    sub, _ = make_subaccount(cast.account, "Driver app")
    wrong = client.post(
        at(cast, "request"), {"sender": "1234", "country_iso": "NL", "purpose": "x y", "subaccount": "main"}
    )
    assert wrong.status_code == 422
    assert "at least one letter" in wrong.content.decode()
    facts = {"sender": "HALYARD", "country_iso": "NL", "purpose": "Times", "subaccount": sub.auth_id}
    for status in (302, 422):
        assert client.post(at(cast, "request"), facts).status_code == status
    row = SenderId.unscoped.get()
    page = client.get(
        at(cast), {"state": "requested", "country": "NL", "owner": sub.auth_id}
    ).content.decode()
    assert "HALYARD" in page
    assert "Driver app" in page
    assert "No sender ID matches" in client.get(at(cast), {"owner": "main"}).content.decode()
    assert client.get(at(cast), {"state": "nothing"}).status_code == 422
    remove = at(cast, "remove", public_id=row.public_id)
    assert "Remove this request" in client.get(remove).content.decode()
    assert client.post(remove).status_code == 302
    assert client.post(remove).status_code == 404
    assert "No sender ID yet" in client.get(at(cast)).content.decode()


def test_sender_id_of_another_account_is_not_found(client, cast):
    row = ask(owner_of(cast.other_account))
    cast.sign_in(client, "owner")
    for method in (client.get, client.post):
        assert method(at(cast, "remove", public_id=row.public_id)).status_code == 404
    assert SenderId.unscoped.exists()
