"""An account may ask for an authenticator app or a passkey, with days of grace and a list of who lacks one."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from security import queries, services
from security.models import AuthenticatorDevice, FactorPolicy, PhoneDevice
from security.services.factor_policy import remind_due
from security.tasks import remind_factors
from teams.models import Membership
from teams.roles import RIGHTS, Role
from tests.factories import make_account, make_authenticator, make_member, make_user
from tests.security.steps import ORIGIN, app_code, enter_password, is_signed_in, settle, shown_key
from tests.work import do_work, mails_to, newest_code

DAY = timedelta(days=1)
CHOOSE = "/welcome/second-factor/"


def actor_of(cast, who="owner", role=Role.OWNER):
    return Actor(user=cast.users[who], account=cast.account, rights=RIGHTS[role], origin=ORIGIN)


def ask(cast, *, grace=14, now=None, who="owner"):
    return services.set_factor_policy(
        actor=actor_of(cast, who), is_required=True, grace_days=grace, now=now or timezone.now()
    )


def lift(cast):
    return services.set_factor_policy(
        actor=actor_of(cast), is_required=False, grace_days=14, now=timezone.now()
    )


@pytest.fixture
def strong_owner(cast):
    make_authenticator(cast.owner)
    return cast.owner


@pytest.fixture
def page(cast):
    return f"/{cast.account.auth_id}/account/settings/security/rules/"


# --- setting the rule ------------------------------------------------------------------------


def test_rule_is_kept_recorded_and_lifted(cast, strong_owner):
    now = timezone.now()
    assert ask(cast, now=now)
    rule = FactorPolicy.objects.get(account=cast.account)
    assert rule.enforced_from == now + 14 * DAY
    assert rule.remind_at == now + 11 * DAY
    assert not ask(cast, now=now)
    assert lift(cast)
    assert not lift(cast)
    assert not FactorPolicy.objects.exists()
    rows = AuditEvent.objects.filter(kind__startswith="factor-policy").order_by("seq")
    kinds = [event.kind for event in rows]
    assert kinds == [EventKind.FACTOR_POLICY_SET, EventKind.FACTOR_POLICY_LIFTED]


def test_nobody_sets_a_rule_that_they_fail(cast):
    with pytest.raises(services.FactorPolicyRefused, match="yourself first"):
        ask(cast)
    assert not FactorPolicy.objects.exists()


def test_grace_is_one_of_the_choices(cast, strong_owner):
    with pytest.raises(services.FactorPolicyRefused):
        ask(cast, grace=5000)


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SUPPORT, Role.ANALYST])
def test_other_roles_may_not(cast, role):
    with pytest.raises(AccessRefused):
        services.set_factor_policy(
            actor=actor_of(cast, str(role), role), is_required=True, grace_days=7, now=timezone.now()
        )


def test_page_saves_and_says_from_when(cast, strong_owner, page, client):
    cast.sign_in(client, "owner")
    assert client.post(page, {"requires": "strong", "grace": "7"}).status_code == 302
    text = client.get(page).content.decode()
    assert "is required from" in text
    assert "Set by Olivia Owner" in text
    assert "4 of 5 members have neither" in text
    client.post(page, {"requires": "any", "grace": "7"})
    assert not FactorPolicy.objects.exists()


def test_page_says_why_it_refuses(cast, page, client):
    cast.sign_in(client, "owner")
    response = client.post(page, {"requires": "strong", "grace": "7"})
    assert response.status_code == 422
    assert "yourself first" in response.content.decode()


@pytest.mark.parametrize(
    "values", [{}, {"requires": "strong", "grace": "5"}, {"requires": "x", "grace": "a\0"}]
)
def test_page_refuses_what_is_no_choice(cast, strong_owner, page, client, values):
    cast.sign_in(client, "owner")
    assert client.post(page, values).status_code == 422


def test_saving_asks_to_confirm(cast, strong_owner, page):
    client = cast.sign_in(Client(), "owner", confirmed=False)
    assert client.post(page, {"requires": "strong", "grace": "7"}).url.startswith("/confirm/")


def test_page_is_for_owner_and_admin(cast, page):
    for who, status in {
        "admin": 200,
        "developer": 403,
        "support": 403,
        "analyst": 403,
        "outsider": 404,
    }.items():
        assert cast.sign_in(Client(), who).get(page).status_code == status, who


# --- the list --------------------------------------------------------------------------------


def test_list_shows_who_lacks_one_with_what_they_have(cast, strong_owner, page, client):
    cast.sign_in(client, "owner")
    text = client.get(page).content.decode()
    assert "developer@halyard.example" in text
    assert "Phone code" in text
    assert "otto@elsewhere.example" not in text
    assert strong_owner.email not in text.split("<table")[1]
    everyone = client.get(f"{page}?who=everyone").content.decode()
    assert strong_owner.email in everyone
    assert "Authenticator app, Phone code" in everyone


def test_list_pages_and_filters(cast, strong_owner, page, client):
    for number in range(30):
        make_member(
            cast.account, user=make_user(f"m{number:02d}@halyard.example", full_name=f"Member {number:02d}")
        )
    cast.sign_in(client, "owner")
    first = client.get(page).content.decode()
    assert first.count('data-label="Role"') == 25
    assert "1 to 25" in first
    second = client.get(f"{page}?who=without&page=2").content.decode()
    assert second.count('data-label="Role"') == 9
    found = client.get(f"{page}?q=m07@").content.decode()
    assert found.count('data-label="Role"') == 1
    assert "Nobody found" in client.get(f"{page}?q=nobody%00here").content.decode()
    for hostile in ("0", "-1", "99999", "x", "\u0661", "9" * 50):
        assert client.get(f"{page}?page={hostile}").status_code == 200


# --- mails -----------------------------------------------------------------------------------


def test_members_who_lack_one_are_told(cast, strong_owner):
    ask(cast)
    assert "will ask for an authenticator app" in mails_to(cast.developer.email)[0].subject
    assert [mail.subject for mail in mails_to(strong_owner.email)] == [
        "Halyard Logistics asks members for an authenticator app or a passkey"
    ]
    assert len(mails_to(cast.outsider.email)) == 0


def test_reminders_three_days_and_a_day_before_once_each(cast, strong_owner):
    now = timezone.now()
    ask(cast, now=now)
    assert remind_due(now=now + 10 * DAY) == 0
    assert remind_due(now=now + 11 * DAY) == 1
    assert remind_due(now=now + 11 * DAY) == 0
    assert remind_due(now=now + 13 * DAY) == 1
    assert remind_due(now=now + 13 * DAY) == 0
    assert remind_due(now=now + 20 * DAY) == 0
    days = AuditEvent.objects.filter(kind=EventKind.FACTOR_POLICY_REMINDED).values_list(
        "data__days_left", flat=True
    )
    assert list(days) == [3, 1]
    subjects = [mail.subject for mail in mails_to(cast.support.email)]
    assert len(subjects) == 3
    assert subjects[1].startswith("Add an authenticator app or a passkey by")


def test_late_sweep_reminds_once_and_never_after_the_end(cast, strong_owner):
    now = timezone.now()
    ask(cast, now=now)
    assert remind_due(now=now + 13 * DAY + timedelta(hours=2)) == 1
    assert FactorPolicy.objects.get().remind_at is None
    FactorPolicy.objects.update(remind_at=now)
    assert remind_due(now=now + 15 * DAY) == 0


def test_who_added_one_is_not_reminded(cast, strong_owner):
    now = timezone.now()
    ask(cast, now=now)
    do_work()
    make_authenticator(cast.developer)
    with time_machine.travel(now + 11 * DAY, tick=False):
        remind_factors()
        assert len(mails_to(cast.developer.email)) == 1
        assert len(mails_to(cast.support.email)) == 2


# --- what the rule does ----------------------------------------------------------------------


def in_force(cast):
    now = timezone.now()
    FactorPolicy.objects.create(account=cast.account, set_at=now, grace_days=0, enforced_from=now)


def sign_in_by_phone(client, user):
    enter_password(client, user)
    client.post("/sign-in/second-factor/phone/send/", {"channel": "sms"})
    return client.post("/sign-in/second-factor/phone/", {"code": newest_code(user.phone)})


def test_during_the_grace_phone_codes_are_enough(cast, strong_owner, client):
    ask(cast)
    settle(cast.developer)
    sign_in_by_phone(client, cast.developer)
    assert is_signed_in(client)


def test_after_the_grace_the_sign_in_leads_to_enrolment(cast, client):
    in_force(cast)
    settle(cast.developer)
    assert sign_in_by_phone(client, cast.developer).url == CHOOSE
    text = client.get(CHOOSE).content.decode()
    assert "Halyard Logistics asks its members" in text
    assert 'value="phone"' not in text
    refused = client.post(CHOOSE, {"factor": "phone"})
    assert refused.status_code == 422
    assert "Halyard Logistics asks" in refused.content.decode()
    assert not is_signed_in(client)
    client.post(CHOOSE, {"factor": "app"})
    seed = shown_key(client.get("/welcome/authenticator/"))
    client.post("/welcome/authenticator/", {"code": app_code(seed)})
    assert is_signed_in(client)
    assert AuthenticatorDevice.objects.get(user=cast.developer).weak_until is None


def test_phone_codes_pass_no_more_beside_an_app(cast, client):
    in_force(cast)
    settle(cast.developer)
    make_authenticator(cast.developer)
    assert queries.methods_of(cast.developer) == ["app", "recovery"]
    enter_password(client, cast.developer)
    assert client.get("/sign-in/second-factor/phone/").status_code == 302
    client.post("/sign-in/second-factor/phone/send/", {"channel": "sms"})
    assert not is_signed_in(client)


def test_of_several_accounts_the_strictest_wins(cast):
    Membership.objects.create(account=cast.other_account, user=cast.developer, role=Role.DEVELOPER)
    make_authenticator(cast.developer)
    assert "phone" in queries.methods_of(cast.developer)
    in_force(cast)
    assert "phone" not in queries.methods_of(cast.developer)
    Membership.unscoped.filter(account=cast.account, user=cast.developer).update(ends_at=timezone.now())
    assert "phone" in queries.methods_of(cast.developer)


def test_rule_of_another_account_changes_nothing(cast):
    in_force(cast)
    make_authenticator(cast.outsider)
    assert "phone" in queries.methods_of(cast.outsider)


def test_last_strong_factor_stays_while_an_account_asks_for_it(cast, strong_owner):
    ask(cast)
    with pytest.raises(services.FactorNeeded, match="Halyard Logistics asks"):
        services.remove_authenticator(user=strong_owner, keep=None, origin=ORIGIN, now=timezone.now())
    assert AuthenticatorDevice.objects.filter(user=strong_owner).exists()
    lift(cast)
    services.remove_authenticator(user=strong_owner, keep=None, origin=ORIGIN, now=timezone.now())
    assert PhoneDevice.objects.filter(user=strong_owner).exists()


def test_security_page_tells_who_lacks_one(cast, strong_owner):
    ask(cast)
    client = cast.sign_in(Client(), "developer")
    base = f"/{cast.account.auth_id}/account/settings/security/"
    assert "Halyard Logistics asks for an authenticator app or a passkey" in client.get(base).content.decode()
    assert "Sign-in rules" not in client.get(base).content.decode()
    owner = cast.sign_in(Client(), "owner")
    assert "Sign-in rules" in owner.get(base).content.decode()


def test_other_account_is_unknown(cast, client, strong_owner):
    other = make_account("Third", owner=make_user())
    cast.sign_in(client, "owner")
    path = f"/{other.auth_id}/account/settings/security/rules/"
    assert client.post(path, {"requires": "strong", "grace": "7"}).status_code == 404
