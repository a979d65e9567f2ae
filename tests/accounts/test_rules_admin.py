"""Rules that staff keep: canonical when stored, each change in the audit log, nothing else writable."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import EmailDomainRule, NetworkRule, PhonePrefixRule
from console.core.events import EventKind
from console.core.models import AuditEvent


@pytest.fixture
def staff(client: Client, cast: Any) -> Client:
    """Return the browser of a staff member."""
    return cast.sign_in(client, "staff")


def newest_event() -> AuditEvent:
    """Return the newest change of a rule."""
    return AuditEvent.objects.filter(kind=EventKind.STAFF_RULE_CHANGED).latest("id")


def test_staff_adds_changes_and_deletes_a_domain_rule(staff: Client) -> None:
    add = {"domain": " Bücher.Example ", "verdict": "block", "reason": "Fraud in March"}
    assert staff.post("/admin/accounts/emaildomainrule/add/", add).status_code == 302
    rule = EmailDomainRule.objects.get()
    assert rule.domain == "xn--bcher-kva.example"
    event = newest_event()
    assert (event.data["change"], event.data["reason"]) == ("added", "Fraud in March")
    assert event.actor_kind == "staff"

    path = f"/admin/accounts/emaildomainrule/{rule.pk}/"
    change = {"domain": rule.domain, "verdict": "allow", "reason": "Cleared"}
    assert staff.post(f"{path}change/", change).status_code == 302
    event = newest_event()
    assert (event.data["before"]["verdict"], event.data["after"]["verdict"]) == ("block", "allow")

    page = staff.post(f"{path}delete/", {"post": "yes"})
    assert page.status_code == 200
    assert "Write why the rule goes." in page.text
    assert EmailDomainRule.objects.exists()
    assert staff.post(f"{path}delete/", {"post": "yes", "reason": "Not needed"}).status_code == 302
    assert not EmailDomainRule.objects.exists()
    assert newest_event().data["reason"] == "Not needed"


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("emaildomainrule", {"domain": "no domain", "verdict": "block"}),
        ("emaildomainrule", {"domain": "a" * 300 + ".example", "verdict": "block"}),
        ("emaildomainrule", {"domain": "x.example", "verdict": "maybe"}),
        ("networkrule", {"network": "203.0.113.7/24", "verdict": "block"}),
        ("networkrule", {"network": "0.0.0.0/0", "verdict": "block"}),
        ("networkrule", {"network": "::ffff:203.0.113.7", "verdict": "block"}),
        ("networkrule", {"network": "fe80::1%eth0", "verdict": "block"}),
        ("networkrule", {"network": "example", "verdict": "block"}),
        ("phoneprefixrule", {"prefix": "31"}),
        ("phoneprefixrule", {"prefix": "+31 6"}),
        ("phoneprefixrule", {"prefix": "+0"}),
    ],
)
def test_nonsense_is_refused(staff: Client, model: str, values: dict[str, str]) -> None:
    page = staff.post(f"/admin/accounts/{model}/add/", values | {"reason": "Test"})
    assert page.status_code == 200
    assert "errorlist" in page.text or "error" in page.text
    assert not any(rule.objects.exists() for rule in (EmailDomainRule, NetworkRule, PhonePrefixRule))


@pytest.mark.parametrize("reason", ["", " ", "x\u202ey", "r" * 201])
def test_reason_is_needed_and_readable(staff: Client, reason: str) -> None:
    values = {"network": "203.0.113.0/24", "verdict": "block", "reason": reason}
    assert staff.post("/admin/accounts/networkrule/add/", values).status_code == 200
    assert not NetworkRule.objects.exists()


def test_network_and_prefix_rules_are_stored_in_canonical_form(staff: Client) -> None:
    values = {"network": "2001:DB8:0::/48", "verdict": "block", "reason": "VPN"}
    assert staff.post("/admin/accounts/networkrule/add/", values).status_code == 302
    assert NetworkRule.objects.get().network == "2001:db8::/48"
    prefix = {"prefix": "+8835", "reason": "Pumping"}
    assert staff.post("/admin/accounts/phoneprefixrule/add/", prefix).status_code == 302
    assert AuditEvent.objects.filter(kind=EventKind.STAFF_RULE_CHANGED).count() == 2


def test_accounts_and_people_are_found_and_not_changed(staff: Client, cast: Any) -> None:
    found = staff.get("/admin/accounts/account/", {"q": cast.account.auth_id})
    assert cast.account.name in found.text
    assert cast.other_account.name not in found.text
    person = staff.get("/admin/accounts/user/", {"q": "olivia@halyard"})
    assert "Olivia Owner" in person.text
    page = staff.get(f"/admin/accounts/user/{cast.owner.pk}/change/")
    assert page.status_code == 200
    assert cast.owner.password not in page.text
    assert 'name="password' not in page.text
    for path in (
        "/admin/accounts/user/add/",
        "/admin/accounts/account/add/",
        f"/admin/accounts/user/{cast.owner.pk}/delete/",
        f"/admin/accounts/account/{cast.account.pk}/delete/",
        f"/admin/accounts/user/{cast.owner.pk}/password/",
    ):
        assert staff.post(path, {"post": "yes", "full_name": "x"}).status_code in {403, 302, 404}
    answer = staff.post(f"/admin/accounts/user/{cast.owner.pk}/change/", {"full_name": "Changed"})
    assert answer.status_code == 403
    cast.owner.refresh_from_db()
    assert cast.owner.full_name == "Olivia Owner"


@pytest.mark.parametrize("who", ["anonymous", "owner", "outsider"])
def test_nobody_else_comes_in(client: Client, cast: Any, who: str) -> None:
    cast.sign_in(client, who)
    for model in ("emaildomainrule", "networkrule", "phoneprefixrule", "account", "user"):
        assert client.get(f"/admin/accounts/{model}/").status_code in {302, 404}


def test_percent_sign_in_a_search_is_no_pattern(staff: Client, cast: Any) -> None:
    page = staff.get("/admin/accounts/user/", {"q": "%"})
    assert "Olivia Owner" not in page.text
