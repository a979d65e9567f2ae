"""From the request for access to a list that enforces, page by page, and who may see which."""

import threading
import uuid
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account, ApiCaller
from console.core.access import AccessRefused
from console.core.events import EventKind
from console.core.models import AuditEvent
from security.allowlist_chart import draw_days
from security.models import AllowlistAccess, AllowlistEntry
from security.services import allowlist as services
from security.tasks import revert_allowlists
from teams.roles import Role
from tests.factories import make_token
from tests.security.allowlist_steps import actor_of, grant, page
from tests.work import mails_to


@pytest.fixture
def owner(client, cast):
    """Return the owner's browser."""
    return cast.sign_in(client, "owner")


def kinds():
    return [
        kind
        for kind in AuditEvent.objects.order_by("id").values_list("kind", flat=True)
        if "allowlist" in kind
    ]


def mode_of(account):
    return Account.objects.get(pk=account.pk).allowlist_mode


def note_callers(account, **calls):
    now = timezone.now()
    for number, (verdict, ips) in enumerate(calls.items()):
        for ip in ips:
            ApiCaller.objects.create(
                account=account, ip=ip, day=now.date(), verdict=verdict, calls=number + 1,
                first_seen_at=now, last_seen_at=now, agent="curl/8.5.0", endpoint="GET /v1/Account/{auth_id}/",
            )  # fmt: skip


# --- Access


def test_access_is_asked_for_granted_by_staff_and_mailed(owner, cast):
    form = owner.get(page("allowlist", cast.account))
    assert "Request access" in form.text
    assert "Add CIDR Address" not in form.text
    refused = owner.post(page("allowlist_request", cast.account), {"reason": " ", "addresses": "0"})
    assert refused.status_code == 422
    sent = {"reason": "Only our\nservers call", "addresses": "12"}
    for _ in range(2):
        assert owner.post(page("allowlist_request", cast.account), sent).status_code == 302
    assert "Access is requested" in owner.get(page("allowlist", cast.account)).text
    access = AllowlistAccess.objects.get()
    assert (access.state, access.reason, access.addresses) == ("requested", "Only our servers call", 12)

    staff = cast.sign_in(Client(), "staff")
    path = f"/admin/security/allowlistaccess/{access.pk}/change/"
    assert "Halyard Logistics" in staff.get("/admin/security/allowlistaccess/").text
    assert "Only our servers call" in staff.get(path).text
    assert staff.post(path, {"decision": "approve", "note": "Welcome"}).status_code == 302
    access.refresh_from_db()
    assert (access.state, access.decided_by, access.note) == ("approved", cast.staff, "Welcome")
    assert kinds() == [EventKind.ALLOWLIST_REQUESTED, EventKind.ALLOWLIST_APPROVED]
    event = AuditEvent.objects.latest("id")
    assert (event.actor_kind, event.account_id) == ("staff", cast.account.pk)
    for person in (cast.owner, cast.admin):
        [mail] = mails_to(person.email)
        assert mail.subject == "IP whitelisting is open for Halyard Logistics"
        assert "Welcome" in mail.body
        assert "Stan" not in mail.body
    assert "Add CIDR Address" in owner.get(page("allowlist", cast.account)).text


def test_declined_request_says_why_and_may_be_repeated(owner, cast):
    owner.post(page("allowlist_request", cast.account), {"reason": "Servers", "addresses": "1"})
    access = AllowlistAccess.objects.get()
    staff = cast.sign_in(Client(), "staff")
    path = f"/admin/security/allowlistaccess/{access.pk}/change/"
    assert "Write why." in staff.post(path, {"decision": "decline", "note": ""}).text
    assert staff.post(path, {"decision": "decline", "note": "Tell us more"}).status_code == 302
    assert "decided already" in staff.post(path, {"decision": "approve", "note": ""}).text
    access.refresh_from_db()
    assert access.state == "declined"
    assert "Tell us more" in owner.get(page("allowlist", cast.account)).text
    assert mails_to(cast.owner.email)[-1].subject == "IP whitelisting was declined for Halyard Logistics"
    owner.post(page("allowlist_request", cast.account), {"reason": "More", "addresses": "1"})
    access.refresh_from_db()
    assert (access.state, access.note) == ("requested", "")


def test_only_staff_decides_and_nothing_can_be_added_in_the_queue(cast, client):
    access = AllowlistAccess.objects.create(account=cast.account, state="requested")
    with pytest.raises(AccessRefused):
        services.decide_access(
            actor=actor_of(cast), access=access, is_approved=True, note="", now=timezone.now()
        )
    staff = cast.sign_in(client, "staff")
    assert staff.get("/admin/security/allowlistaccess/add/").status_code == 403
    assert (
        staff.post(f"/admin/security/allowlistaccess/{access.pk}/delete/", {"post": "yes"}).status_code == 403
    )


def test_nothing_works_before_access_is_granted(owner, cast):
    assert owner.post(page("allowlist_add", cast.account), {"network": "192.0.2.7"}).status_code == 302
    assert owner.post(page("allowlist_mode", cast.account, mode="enforcing")).status_code == 302
    assert not AllowlistEntry.unscoped.exists()
    assert mode_of(cast.account) == "off"
    with pytest.raises(services.NotGranted):
        services.set_mode(actor=actor_of(cast), mode="report", now=timezone.now())


# --- Entries


def test_entry_is_added_changed_and_removed(owner, cast):
    grant(cast.account)
    until = (timezone.now() + timedelta(days=3)).date()
    sent = {"network": "::ffff:192.0.2.7", "label": "Office", "until": until.isoformat()}
    assert owner.post(page("allowlist_add", cast.account), sent).status_code == 302
    entry = AllowlistEntry.unscoped.get()
    assert (str(entry.network), entry.label, entry.made_by) == ("192.0.2.7/32", "Office", cast.owner)
    assert entry.expires_at.date() == until
    assert "192.0.2.7/32 is on the list." in owner.get(page("allowlist", cast.account)).text

    change = page("allowlist_change", cast.account, public_id=entry.public_id)
    assert f'value="{until}"' in owner.get(change).text
    assert owner.post(change, {"label": "Office", "until": "2001-01-01"}).status_code == 422
    assert owner.post(change, {"label": "Home", "until": ""}).status_code == 302
    entry.refresh_from_db()
    assert (entry.label, entry.expires_at) == ("Home", None)

    remove = page("allowlist_remove", cast.account, public_id=entry.public_id)
    assert "Remove this address?" in owner.get(remove).text
    assert owner.post(remove).status_code == 302
    assert not AllowlistEntry.unscoped.exists()
    assert owner.post(remove).status_code == 404
    assert kinds() == [
        EventKind.ALLOWLIST_ENTRY_ADDED, EventKind.ALLOWLIST_ENTRY_CHANGED, EventKind.ALLOWLIST_ENTRY_REMOVED,
    ]  # fmt: skip


def test_refused_network_keeps_what_was_typed_and_offers_what_was_meant(owner, cast):
    grant(cast.account)
    answer = owner.post(
        page("allowlist_add", cast.account), {"network": "198.51.100.17/28", "label": "Antwerp"}
    )
    assert answer.status_code == 422
    for text in (
        "has host bits set. Did you mean 198.51.100.16/28?",
        'value="Antwerp"',
        "Add 198.51.100.16/28 instead",
    ):
        assert text in answer.text
    # The button comes after the field, and the last value counts.
    sent = {"network": ["198.51.100.17/28", "198.51.100.16/28"], "label": "Antwerp"}
    assert owner.post(page("allowlist_add", cast.account), sent).status_code == 302
    assert str(AllowlistEntry.unscoped.get()) == "198.51.100.16/28"


def test_duplicates_are_refused_and_overlaps_pointed_out(owner, cast):
    grant(cast.account, "report", "10.0.0.0/16", "10.1.2.0/24")
    again = owner.post(page("allowlist_add", cast.account), {"network": "::ffff:10.0.0.0/112"})
    assert again.status_code == 422
    assert "10.0.0.0/16 is on the list already." in again.text
    owner.post(page("allowlist_add", cast.account), {"network": "10.0.7.7"})
    assert (
        "10.0.0.0/16, on the list already, holds all of it."
        in owner.get(page("allowlist", cast.account)).text
    )
    owner.post(page("allowlist_add", cast.account), {"network": "10.0.0.0/8"})
    shown = owner.get(page("allowlist", cast.account)).text
    assert "It holds 10.0.0.0/16, 10.1.2.0/24, 10.0.7.7/32, on the list already." in shown


def test_hundred_and_first_entry_is_refused(owner, cast):
    grant(cast.account, "report", *[f"10.0.{number}.0/24" for number in range(100)])
    answer = owner.post(page("allowlist_add", cast.account), {"network": "192.0.2.7"})
    assert answer.status_code == 422
    assert "The list has 100 entries, as many as it can." in answer.text


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_parallel_adds_never_pass_the_limit(cast, settings):
    settings.CONSOLE_ALLOWLIST_ENTRIES = 3
    grant(cast.account, "report", "10.0.0.0/24", "10.0.1.0/24")
    owner, results, gate = actor_of(cast), [], threading.Barrier(4)

    def add(number):
        gate.wait()
        try:
            results.append(
                services.add_entry(
                    actor=owner, network=f"192.0.2.{number}", label="", expires_at=None, now=timezone.now()
                )
            )
        except services.ListFull as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(result, services.AddedEntry) for result in results) == 1
    assert len(results) == 4
    assert AllowlistEntry.unscoped.count() == 3


def test_other_accounts_entries_are_404(owner, cast):
    grant(cast.account)
    grant(cast.other_account, "report", "192.0.2.0/24")
    theirs = AllowlistEntry.unscoped.get()
    for name in ("allowlist_change", "allowlist_remove"):
        for public_id in (theirs.public_id, uuid.uuid4()):
            path = page(name, cast.account, public_id=public_id)
            assert owner.get(path).status_code == owner.post(path, {"label": "x"}).status_code == 404
    assert AllowlistEntry.unscoped.get().label == ""
    assert "192.0.2.0/24" not in owner.get(page("allowlist", cast.account)).text


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SUPPORT, Role.ANALYST])
def test_other_roles_may_do_nothing(client, cast, role):
    grant(cast.account, "report", "192.0.2.0/24")
    entry, actor = AllowlistEntry.unscoped.get(), actor_of(cast, role)
    cast.sign_in(client, str(role))
    assert client.get(page("allowlist", cast.account)).status_code == 403
    assert "IP Whitelisting" not in client.get(f"/{cast.account.auth_id}/").text
    now = timezone.now()
    for deed in (
        lambda: services.request_access(actor=actor, reason="x", addresses=1, now=now),
        lambda: services.add_entry(actor=actor, network="192.0.2.7", label="", expires_at=None, now=now),
        lambda: services.change_entry(actor=actor, public_id=entry.public_id, label="", expires_at=None),
        lambda: services.remove_entry(actor=actor, public_id=entry.public_id),
        lambda: services.set_mode(actor=actor, mode="off", now=now),
        lambda: services.confirm_enforcing(actor=actor, now=now),
    ):
        with pytest.raises(AccessRefused):
            deed()


def test_acts_ask_for_a_fresh_confirmation_and_reads_do_not(cast):
    grant(cast.account, "report", "192.0.2.0/24")
    entry, browser = AllowlistEntry.unscoped.get(), cast.sign_in(Client(), "owner", confirmed=False)
    acts = [
        page("allowlist_add", cast.account),
        page("allowlist_change", cast.account, public_id=entry.public_id),
        page("allowlist_remove", cast.account, public_id=entry.public_id),
        page("allowlist_mode", cast.account, mode="enforcing"),
    ]
    for path in acts:
        assert browser.get(path).status_code == 200
        assert "/confirm/" in browser.post(path, {"network": "10.0.0.1", "label": "x"}).headers.get(
            "Location", ""
        )
    assert (AllowlistEntry.unscoped.count(), mode_of(cast.account)) == (1, "report")


# --- Replay, refused callers, check


def test_replay_counts_callers_that_are_not_listed(owner, cast):
    grant(cast.account, "report", "192.0.2.0/24")
    note_callers(cast.account, admitted=["192.0.2.1", "192.0.2.2"], reported=["198.51.100.9", None])
    note_callers(cast.other_account, admitted=["203.0.113.1"])
    ApiCaller.objects.create(
        account=cast.account, ip="198.51.100.99", day=timezone.now().date() - timedelta(days=31), calls=1,
        verdict="admitted", first_seen_at=timezone.now(), last_seen_at=timezone.now(),
    )  # fmt: skip
    for name, more in (("allowlist", {}), ("allowlist_mode", {"mode": "enforcing"})):
        text = owner.get(page(name, cast.account, **more)).text
        assert "2 of 4 callers would be refused." in text
        assert "198.51.100.9<" in text
        assert "Unknown address" in text
        assert "198.51.100.99" not in text
        assert "203.0.113.1" not in text


def test_refused_caller_is_added_in_one_click(owner, cast):
    grant(cast.account, "enforcing", "192.0.2.0/24")
    note_callers(cast.account, refused=["198.51.100.9"])
    assert "Add 198.51.100.9 to the list" in owner.get(page("allowlist", cast.account)).text
    assert owner.post(page("allowlist_add", cast.account), {"network": "198.51.100.9"}).status_code == 302
    assert "Not on the list: 0 of 1 caller." in owner.get(page("allowlist", cast.account)).text


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("192.0.2.9", "Allowed"),
        ("::ffff:192.0.2.9", "Allowed"),
        ("198.51.100.9", "Not on the list"),
        ("2001:db8::1", "Not on the list"),
        ("<b>", "That is no IP address"),
    ],
)
def test_address_is_checked(owner, cast, asked, answer):
    grant(cast.account, "report", "192.0.2.0/24", label="Office")
    text = owner.get(page("allowlist", cast.account), {"check": asked}).text
    assert f"{answer}</span>" in text.replace("\n", "")
    assert "<b>" not in text


# --- Modes


def test_enforcing_is_turned_on_and_confirmed(owner, cast):
    grant(cast.account, "report", "192.0.2.0/24")
    assert owner.post(page("allowlist_mode", cast.account, mode="enforcing")).status_code == 302
    access = AllowlistAccess.objects.get()
    wait = access.confirm_by - access.mode_since
    assert wait == timedelta(minutes=settings.CONSOLE_ALLOWLIST_CONFIRM_MINUTES)
    assert "Keep enforcing" in owner.get(page("allowlist", cast.account)).text
    for _ in range(2):
        assert owner.post(page("allowlist_confirm", cast.account)).status_code == 302
    access.refresh_from_db()
    assert (access.confirm_by, mode_of(cast.account)) == (None, "enforcing")
    services.revert_due(now=timezone.now() + timedelta(days=1))
    assert mode_of(cast.account) == "enforcing"
    assert owner.post(page("allowlist_mode", cast.account, mode="off")).status_code == 302
    assert mode_of(cast.account) == "off"
    assert kinds() == [
        EventKind.ALLOWLIST_MODE_CHANGED, EventKind.ALLOWLIST_CONFIRMED, EventKind.ALLOWLIST_MODE_CHANGED,
    ]  # fmt: skip
    assert [mail.subject for mail in mails_to(cast.admin.email)] == [
        "The IP allowlist of Halyard Logistics refuses other addresses now",
        "The IP allowlist of Halyard Logistics refuses nobody any more",
    ]


def test_unconfirmed_list_reverts_once_at_its_deadline(cast):
    grant(cast.account, "off", "192.0.2.0/24")
    now, owner = timezone.now() - timedelta(minutes=30), actor_of(cast)
    services.set_mode(actor=owner, mode="enforcing", now=now)
    assert services.revert_due(now=now + timedelta(minutes=9, seconds=59)) == 0
    assert mode_of(cast.account) == "enforcing"
    for _ in range(2):
        revert_allowlists()
    assert mode_of(cast.account) == "report"
    with pytest.raises(services.ConfirmedTooLate):
        services.confirm_enforcing(actor=owner, now=now + timedelta(minutes=10))
    assert kinds().count(EventKind.ALLOWLIST_REVERTED) == 1
    assert (
        mails_to(cast.owner.email)[-1].subject
        == "The IP allowlist of Halyard Logistics went back to report only"
    )


def test_late_confirmation_is_refused_before_the_task_ran(cast):
    grant(cast.account, "report", "192.0.2.0/24")
    now, owner = timezone.now(), actor_of(cast)
    services.set_mode(actor=owner, mode="enforcing", now=now)
    with pytest.raises(services.ConfirmedTooLate):
        services.confirm_enforcing(actor=owner, now=now + timedelta(minutes=10))
    assert services.revert_due(now=now + timedelta(minutes=10)) == 1


def test_asking_again_does_not_move_the_deadline(cast):
    grant(cast.account, "report", "192.0.2.0/24")
    now, owner = timezone.now(), actor_of(cast)
    first = services.set_mode(actor=owner, mode="enforcing", now=now).confirm_by
    again = services.set_mode(actor=owner, mode="enforcing", now=now + timedelta(minutes=5)).confirm_by
    assert again == first


def test_empty_list_cannot_enforce(owner, cast):
    grant(cast.account, "report", "192.0.2.0/24", expires_at=timezone.now() - timedelta(days=1))
    owner.post(page("allowlist_mode", cast.account, mode="enforcing"))
    assert mode_of(cast.account) == "report"
    assert (
        "The list is empty, so every call would be refused."
        in owner.get(page("allowlist", cast.account)).text
    )
    assert owner.get(page("allowlist_mode", cast.account, mode="other")).status_code == 404


# --- Which tokens, and on which days


def test_callers_are_listed_with_their_tokens(owner, cast):
    grant(cast.account, "report", "192.0.2.0/24")
    note_callers(cast.account, admitted=["198.51.100.9", "198.51.100.10"], reported=["198.51.100.9"])
    tokens = [make_token(cast.account, slot=slot)[0] for slot in (1, 2)]
    first, _, second = ApiCaller.unscoped.order_by("id")
    ApiCaller.unscoped.filter(pk=first.pk).update(credential=tokens[0])
    ApiCaller.unscoped.filter(pk=second.pk).update(credential=tokens[1])
    found = owner.get(page("allowlist", cast.account))
    rows = {row.ip: row for row in found.context["replay"].rows}
    assert rows["198.51.100.9"].tokens == sorted(map(str, tokens))
    assert rows["198.51.100.10"].tokens == []
    assert str(tokens[0]) in found.text
    assert "Not noted" in found.text


def test_calls_that_would_be_refused_are_drawn_by_day(owner, cast):
    grant(cast.account, "report", "192.0.2.0/24")
    note_callers(cast.account, admitted=["198.51.100.9", "192.0.2.1"])
    ApiCaller.unscoped.update(calls=1234)
    text = owner.get(page("allowlist", cast.account)).text
    assert "1,234 calls in 30 days, at most 1,234 on" in text
    assert text.count("<rect") == 1


def test_no_calls_draw_no_chart(owner, cast):
    grant(cast.account, "report", "192.0.2.0/24")
    note_callers(cast.account, admitted=["192.0.2.1"])
    assert "<rect" not in owner.get(page("allowlist", cast.account)).text


def test_bars_stand_on_their_days():
    today = date(2026, 3, 30)
    chart = draw_days({date(2026, 3, 1): 5, today: 10, date(2026, 2, 1): 9}, today=today, days=30)
    assert [(bar.x, bar.y, bar.height) for bar in chart.bars] == [
        ("0.67%", "48.00%", "32.00%"),
        ("97.33%", "16.00%", "64.00%"),
    ]
    assert (chart.first, chart.total, chart.highest.day) == (date(2026, 3, 1), 15, today)
    assert draw_days({}, today=today, days=30) is None


# --- The queue of the staff


@pytest.mark.parametrize(
    ("group", "status"), [("support", 200), ("risk", 200), ("finance", 403), (None, 403)]
)
def test_queue_opens_to_the_groups_that_decide(cast, group, status):
    account = cast.other_account
    AllowlistAccess.objects.create(account=account, state="requested", reason="We call from two servers.")
    cast.staff.is_superuser = False
    cast.staff.save()
    if group:
        cast.staff.groups.add(Group.objects.get(name=group))
    browser = cast.sign_in(Client(), "staff")
    access = AllowlistAccess.objects.get(account=account)
    assert browser.get("/admin/security/allowlistaccess/").status_code == status
    answer = browser.post(
        f"/admin/security/allowlistaccess/{access.pk}/change/", {"decision": "approve", "note": "Fine"}
    )
    assert answer.status_code == (302 if status == 200 else 403)
    access.refresh_from_db()
    assert access.state == ("approved" if status == 200 else "requested")


def test_page_costs_few_queries_however_much_it_shows(owner, cast, django_assert_max_num_queries):
    grant(cast.account, "report", *[f"10.{number}.0.0/16" for number in range(20)])
    note_callers(
        cast.account, admitted=[f"198.51.100.{number}" for number in range(60)], refused=["10.1.0.1"]
    )
    url = page("allowlist", cast.account)
    owner.get(url)
    with django_assert_max_num_queries(8):
        found = owner.get(url, {"check": "10.1.2.3"})
    assert found.context["check_entry"].network == "10.1.0.0/16"
    assert len(found.context["replay"].rows) == 50
    assert (found.context["replay"].refused, found.context["replay"].callers) == (60, 61)
