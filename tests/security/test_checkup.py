"""The security check-up: each rule with its numbers, the score, what is put off, and who may."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from console.core.access import AccessRefused
from console.core.events import EventKind
from console.core.models import AuditEvent
from security.checkup_queries import checkup_of
from security.checkup_rules import CHECKS, Facts, Member, Token, score_of
from security.models import CheckupSnooze
from security.services.checkup import NoSuchFinding, snooze_finding, unsnooze_finding
from teams.roles import Role
from tests.factories import make_authenticator, make_member, make_token, make_user
from tests.security.allowlist_steps import actor_of, page
from tests.security.steps import settle

NOW = datetime.fromisoformat("2026-03-05T12:00:00+00:00")
RULES = {check.name: check.judge for check in CHECKS}


@pytest.fixture
def owner(client, cast):
    return cast.sign_in(client, "owner")


def member(name="Ines Okafor", **more):
    values = {"email": "ines@halyard.example", "role": "owner", "has_strong": True, "codes_left": 10}
    return Member(**({"name": name, "seen_at": NOW} | values | more))


def token(label="pbt_abc…1234", *, age=1, used=1, is_named=False, ends_at=None):
    made_at = NOW - timedelta(days=age)
    used_at = None if used is None else NOW - timedelta(days=used)
    return Token(label, is_named, made_at, used_at, ends_at)


def judge(name, **facts):
    return RULES[name](Facts(now=NOW, **facts))


# --- Rules


def test_members_without_a_strong_factor_are_counted_and_named():
    weak = [member(f"Person {number}", has_strong=False) for number in range(5)]
    found = judge("strong-factor", members=[member(), *weak])
    assert found.text.startswith(
        "5 of 6 members sign in with phone codes only: Person 0, Person 1, Person 2 and 2 more."
    )
    assert judge("strong-factor", members=[member()]) is None


@pytest.mark.parametrize(("age", "is_old"), [(89, False), (90, False), (91, True)])
def test_tokens_are_old_after_90_days(age, is_old):
    found = judge("old-tokens", tokens=[token(age=age), token()])
    assert (found is not None) is is_old
    if found:
        assert found.text == "1 of 2 tokens is older than 90 days: pbt_abc…1234."


@pytest.mark.parametrize(
    ("age", "used", "is_idle"), [(200, 91, True), (200, 89, False), (91, None, True), (10, None, False)]
)
def test_tokens_are_unused_after_90_days(age, used, is_idle):
    assert (judge("unused-tokens", tokens=[token(age=age, used=used)]) is not None) is is_idle


def test_named_tokens_should_end():
    endless = token("Deploy (pbt_x)", is_named=True)
    ending = token(is_named=True, ends_at=NOW + timedelta(days=9))
    assert judge("endless-tokens", tokens=[endless, ending, token()]).text == (
        "1 of 2 named tokens never ends: Deploy (pbt_x)."
    )
    assert judge("endless-tokens", tokens=[ending, token()]) is None


@pytest.mark.parametrize(
    ("mode", "words"), [("off", "is off"), ("report", "only reports"), ("enforcing", "")]
)
def test_allowlist_should_enforce_once_there_is_a_token(mode, words):
    found = judge("allowlist", tokens=[token()], allowlist_mode=mode)
    assert words in found.title if words else found is None
    assert judge("allowlist", allowlist_mode=mode) is None


@pytest.mark.parametrize(("state", "words"), [("off", "is off"), ("on", "is not enforced"), ("enforced", "")])
def test_teams_should_sign_in_with_their_provider(state, words):
    found = judge("single-sign-on", members=[member(), member("Tomas")], sso_state=state)
    assert words in found.title if words else found is None
    assert judge("single-sign-on", members=[member()], sso_state=state) is None


def test_somebody_should_be_able_to_act_for_the_owner():
    assert judge("single-owner", members=[member(), member("Hugo", role="support")]).text.startswith(
        "1 of 2 members can act"
    )
    assert judge("single-owner", members=[member(), member("Tomas", role="admin")]) is None


def test_members_who_are_never_here_are_counted_unless_they_must_prove_more():
    idle = member("Hugo", role="support", seen_at=NOW - timedelta(days=94))
    assert judge("unused-members", members=[member(), idle]).text == (
        "1 of 2 members did not sign in for 90 days: Hugo."
    )
    safe = member("Hugo", seen_at=NOW - timedelta(days=94), must_reverify=True)
    assert judge("unused-members", members=[member(), safe]) is None


@pytest.mark.parametrize(
    ("email", "is_group"),
    [("it@halyard.example", True), ("Dev-Ops@halyard.example", True), ("ines@halyard.example", False)],
)
def test_owners_address_should_be_a_persons(email, is_group):
    assert (judge("group-mailbox", members=[member(email=email)]) is not None) is is_group
    assert judge("group-mailbox", members=[member(), member(role="admin", email=email)]) is None


@pytest.mark.parametrize(("left", "is_low"), [(4, False), (3, True), (0, True)])
def test_recovery_codes_of_owner_and_admins_run_low(left, is_low):
    helper = member("Hugo", role="support", codes_left=0)
    assert (judge("recovery-codes", members=[member(codes_left=left), helper]) is not None) is is_low


def test_audit_log_should_leave_the_house():
    assert judge("audit-webhook", live_webhooks=0).title
    assert judge("audit-webhook", live_webhooks=1) is None


def test_score_is_the_share_of_weights_that_pass():
    assert sum(check.weight for check in CHECKS) == 100
    assert score_of(CHECKS, CHECKS) == 100
    assert score_of([], CHECKS) == 0
    assert score_of([], []) == 100
    heavy = [check for check in CHECKS if check.weight >= 12]
    assert score_of(heavy, CHECKS) == sum(check.weight for check in heavy)


# --- Facts


def found(cast, now=None):
    return {row.check.name: row for row in checkup_of(cast.account, now=now or timezone.now()).rows}


def test_facts_are_read_from_the_rows(cast):
    for role in ("owner", "admin", "developer"):
        make_authenticator(getattr(cast, role))
    settle(cast.owner)
    make_token(cast.account, made_at=timezone.now() - timedelta(days=120))
    rows = found(cast)
    assert rows["strong-factor"].finding.text.startswith("2 of 5 members")
    assert "1 of 1 token is older" in rows["old-tokens"].finding.text
    assert "1 of 2 owners and admins has" in rows["recovery-codes"].finding.text
    assert rows["unused-members"].finding is None
    assert rows["allowlist"].finding.title == "The IP allowlist is off"


def test_checks_without_a_page_that_fixes_them_do_not_count(cast, settings):
    assert set(found(cast)) == set(settings.CHECKUP_FIXES)
    settings.CHECKUP_FIXES = {"strong-factor": settings.CHECKUP_FIXES["strong-factor"]}
    assert set(found(cast)) == {"strong-factor"}
    assert checkup_of(cast.account, now=timezone.now()).score == 0


def test_another_tenants_rows_do_not_count(cast):
    make_authenticator(cast.outsider)
    make_token(cast.other_account, made_at=timezone.now() - timedelta(days=120))
    assert "5 of 5" in found(cast)["strong-factor"].finding.text
    assert found(cast)["old-tokens"].finding is None


def test_every_fix_button_leads_to_a_page(owner, cast, settings):
    from django.urls import reverse

    for route, _ in settings.CHECKUP_FIXES.values():
        assert owner.get(reverse(route, kwargs={"account": cast.account.auth_id})).status_code == 200


# --- The page


def test_page_shows_score_findings_and_what_is_well(owner, cast):
    text = owner.get(page("checkup", cast.account)).text
    assert "5 of 5 members sign in with phone codes only" in text
    assert page("finding_snooze", cast.account, check="strong-factor") in text
    assert page("sign_in_rules", cast.account) in text
    assert "No token is older than 90 days" in text


def test_finding_about_others_is_fixed_by_a_mail_to_them(client, cast):
    settle(cast.owner)
    text = cast.sign_in(client, "owner").get(page("checkup", cast.account)).text
    assert "mailto:" in text
    assert cast.admin.email in text


def test_many_members_cost_the_same_queries(owner, cast):
    def count():
        with CaptureQueriesContext(connection) as queries:
            owner.get(page("checkup", cast.account))
        return len(queries)

    owner.get(page("checkup", cast.account))
    few = count()
    for number in range(15):
        make_member(cast.account, user=make_user(f"p{number}@halyard.example"))
        make_token(cast.account, made_at=timezone.now(), ended_at=timezone.now())
    assert count() == few


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SUPPORT, Role.ANALYST])
def test_other_roles_may_not(cast, role):
    client = cast.sign_in(Client(), str(role))
    assert client.get(page("checkup", cast.account)).status_code == 403
    with pytest.raises(AccessRefused):
        snooze(cast, role=role)


# --- Putting off


def snooze(cast, *, role=Role.OWNER, name="allowlist", days=30, now=None):
    now = now or timezone.now()
    until = now + timedelta(days=days)
    return snooze_finding(actor=actor_of(cast, role), name=name, reason="Servers move", until=until, now=now)


def test_finding_is_put_off_with_reason_and_counts_all_the_same(owner, cast):
    make_token(cast.account)
    before = checkup_of(cast.account, now=timezone.now()).score
    until = (timezone.now() + timedelta(days=30)).date().isoformat()
    address = page("finding_snooze", cast.account, check="allowlist")
    assert owner.post(address, {"reason": "Servers move in March", "until": until}).status_code == 302
    after = checkup_of(cast.account, now=timezone.now())
    assert after.score == before
    assert "allowlist" not in [row.check.name for row in after.open]
    text = owner.get(page("checkup", cast.account)).text
    assert "Servers move in March" in text
    assert "Olivia Owner" in text
    event = AuditEvent.objects.get(kind=EventKind.CHECK_SNOOZED)
    assert event.data["reason"] == "Servers move in March"


def test_it_comes_back_by_itself_and_by_hand(owner, cast):
    make_token(cast.account)
    now = timezone.now()
    snooze(cast, days=3)
    assert [row.check.name for row in checkup_of(cast.account, now=now).snoozed] == ["allowlist"]
    assert not checkup_of(cast.account, now=now + timedelta(days=4)).snoozed
    address = page("finding_unsnooze", cast.account, check="allowlist")
    for _ in range(2):
        assert owner.post(address).status_code == 302
    assert not checkup_of(cast.account, now=now).snoozed
    assert AuditEvent.objects.filter(kind=EventKind.CHECK_UNSNOOZED).count() == 1
    assert "ended by Olivia Owner" in owner.get(page("checkup", cast.account)).text


def test_a_second_decision_ends_the_first(cast):
    snooze(cast, days=3)
    snooze(cast, days=9)
    assert CheckupSnooze.objects.of(cast.account).filter(ended_at=None).count() == 1


@pytest.mark.parametrize(
    ("reason", "days"),
    [("", 3), ("  ", 3), ("Fine", -1), ("Fine", 367), ("x" * 201, 3), ("\u202eFine", 3), ("\0", 3)],
)
def test_bad_input_is_refused_and_kept(owner, cast, reason, days):
    until = (timezone.now() + timedelta(days=days)).date().isoformat()
    response = owner.post(
        page("finding_snooze", cast.account, check="allowlist"), {"reason": reason, "until": until}
    )
    assert response.status_code == 422
    assert not CheckupSnooze.unscoped.exists()


def test_unknown_check_is_not_found(owner, cast):
    assert owner.get(page("finding_snooze", cast.account, check="nothing")).status_code == 404
    assert owner.post(page("finding_unsnooze", cast.account, check="nothing")).status_code == 404
    with pytest.raises(NoSuchFinding):
        snooze(cast, name="nothing")
    with pytest.raises(NoSuchFinding):
        unsnooze_finding(actor=actor_of(cast), name="nothing", now=timezone.now())


def test_another_tenant_puts_nothing_off_here(cast):
    client = cast.sign_in(Client(), "outsider")
    assert client.post(page("finding_snooze", cast.account, check="allowlist"), {}).status_code == 404
    assert User.objects.count() == 7
