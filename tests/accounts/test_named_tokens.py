"""Named tokens: what they may do, from where, until when, and what their makers' roles leave of it."""

import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import ApiCaller, Credential, User
from accounts.queries import named_tokens as queries
from accounts.services import named_tokens as services
from accounts.services.callers import flush_callers
from accounts.services.credentials import MadeToken, NoSuchToken, end_due_tokens
from billing.models import Plan
from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent, OutgoingMail
from console.core.networks import NetworkRefused
from console.core.permissions import AREA_RIGHTS, ApiArea, Scope
from teams.models import Membership
from teams.roles import RIGHTS, Role
from tests.accounts.api_caller import Api
from tests.work import do_work

NOW = timezone.now


def actor_of(cast, who="owner"):
    return Actor(user=cast.users[who], account=cast.account, rights=RIGHTS[Role(who)], role=who)


def make(cast, who="owner", **fields):
    values = {
        "name": "Warehouse",
        "permissions": ["read"],
        "cidrs": [],
        "ends_at": None,
        "now": NOW(),
    } | fields
    return services.make_named_token(actor=actor_of(cast, who), **values)


def api(cast, made: MadeToken, address="192.0.2.7"):
    return Api(cast.account.auth_id, made.token, address)


def kinds():
    return list(AuditEvent.objects.order_by("id").values_list("kind", flat=True))


# --- What a token may do


def test_reading_token_reads_and_changes_nothing(cast):
    made = make(cast)
    assert api(cast, made).ask("GET").status_code == 200
    assert api(cast, made).ask("HEAD").status_code == 200
    refused = api(cast, made).ask("POST", {"city": "Delft"})
    assert (refused.status_code, refused.json()["code"]) == (403, "token_permission")
    cast.account.refresh_from_db()
    assert cast.account.city == ""


def test_writing_token_reads_and_changes_its_area(cast):
    made = make(cast, permissions=["account:write"])
    assert api(cast, made).ask("GET").status_code == 200
    assert api(cast, made).ask("POST", {"city": "Delft"}).status_code == 202


def test_token_with_a_permission_nobody_knows_any_more_opens_nothing(cast):
    made = make(cast)
    Credential.objects.update(permissions=["faxes:write"])
    for method, body in (("GET", None), ("POST", {"city": "Delft"})):
        assert api(cast, made).ask(method, body).status_code == 403


def test_operation_without_an_area_is_closed_to_named_tokens():
    everything = Scope(frozenset({"read", *(f"{area}:write" for area in ApiArea)}))
    assert not everything.allows(None, is_reading=True)
    assert everything.allows(ApiArea.ACCOUNT, is_reading=False)
    assert everything.rights == frozenset().union(*(writing for _, writing in AREA_RIGHTS.values()))


def test_405_and_404_are_answered_as_to_anybody(cast):
    made = make(cast)
    assert api(cast, made).ask("DELETE").status_code == 405
    assert api(cast, made).ask("GET", path=f"/v1/Account/{cast.account.auth_id}/Fax/").status_code == 404


@pytest.mark.parametrize(
    ("permissions", "code"),
    [([], None), (["account:delete"], None), (["*"], None), (["company:manage"], None)],
)
def test_token_asks_for_known_permissions_only(cast, permissions, code):
    with pytest.raises(services.PermissionRefused):
        make(cast, permissions=permissions)


@pytest.mark.parametrize("permission", ["account:read", "account:write"])
def test_maker_gives_no_more_than_the_role_has(cast, permission):
    with pytest.raises(services.PermissionRefused):
        make(cast, "developer", permissions=[permission])


@pytest.mark.parametrize("who", ["support", "analyst"])
def test_other_roles_make_none(cast, who):
    with pytest.raises(AccessRefused):
        make(cast, who)


# --- What the maker's role leaves of it


@pytest.mark.parametrize(
    ("role", "reads", "changes"),
    [("admin", 200, 202), ("analyst", 200, 403), ("developer", 403, 403), ("support", 403, 403)],
)
def test_token_narrows_with_the_role_of_its_maker_on_the_next_call(cast, role, reads, changes):
    made = make(cast, "admin", permissions=["account:write"])
    caller = api(cast, made)
    assert caller.ask("GET").status_code == 200
    Membership.unscoped.filter(user=cast.admin).update(role=role)
    assert caller.ask("GET").status_code == reads
    assert caller.ask("POST", {"city": "Delft"}).status_code == changes
    row = queries.named_page(cast.account, half="live", number=1, now=NOW()).rows[0]
    assert row.is_narrowed is (role != "admin")


def test_token_of_a_raised_member_narrows_when_the_raise_is_over(cast):
    Membership.unscoped.filter(user=cast.developer).update(raised_until=NOW() + timedelta(minutes=5))
    made = make(cast, "admin", permissions=["account:write"])
    Credential.objects.update(made_by=cast.developer)
    assert api(cast, made).ask("POST", {"city": "Delft"}).status_code == 202
    Membership.unscoped.filter(user=cast.developer).update(raised_until=NOW())
    assert api(cast, made).ask("POST", {"city": "Delft"}).status_code == 403


@pytest.mark.parametrize("how", ["removed", "ended", "suspended", "inactive", "forgotten"])
def test_token_stops_with_the_membership_of_its_maker(cast, how):
    made = make(cast, "admin")
    membership = Membership.unscoped.filter(user=cast.admin)
    if how == "removed":
        membership.delete()
    elif how == "ended":
        membership.update(ends_at=NOW())
    elif how == "suspended":
        membership.update(suspended_at=NOW())
    elif how == "inactive":
        User.objects.filter(pk=cast.admin.pk).update(is_active=False)
    else:
        Credential.objects.update(made_by=None)
    assert api(cast, made).ask().status_code == 401
    assert queries.named_page(cast.account, half="live", number=1, now=NOW()).rows[0].state == "stopped"


def test_tokens_of_members_wait_while_the_account_has_no_plan(cast):
    made, own = make(cast, "admin"), make(cast, name="Robot")
    plans, now = Plan.unscoped.filter(account=cast.account), NOW()
    grace = timedelta(days=settings.CONSOLE_GRACE_DAYS)
    plans.update(ends_at=now - grace + timedelta(minutes=1))
    assert api(cast, made).ask().status_code == 200
    plans.update(ends_at=now - grace - timedelta(minutes=1))
    assert api(cast, made).ask().status_code == 401
    assert api(cast, own).ask().status_code == 200
    rows = queries.named_page(cast.account, half="live", number=1, now=now).rows
    assert [row.state for row in rows] == ["live", "stopped"]
    assert services.end_tokens_of_leavers(now=now) == 0
    plans.update(starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=365))
    assert api(cast, made).ask().status_code == 401
    plans.update(starts_at=now - timedelta(days=1))
    assert api(cast, made).ask().status_code == 200


def test_role_in_another_account_counts_for_nothing(cast):
    made = make(cast, "admin")
    Membership.unscoped.filter(user=cast.admin).delete()
    Membership.objects.create(account=cast.other_account, user=cast.admin, role=Role.ADMIN)
    assert api(cast, made).ask().status_code == 401


def test_tokens_of_leavers_end_for_good_and_those_of_the_suspended_wait(cast):
    left, suspended = make(cast, "admin").credential, make(cast, "developer", name="Robot").credential
    Membership.unscoped.filter(user=cast.admin).update(ends_at=NOW() - timedelta(minutes=1))
    Membership.unscoped.filter(user=cast.developer).update(suspended_at=NOW())
    assert services.end_tokens_of_leavers(now=NOW()) == 1
    assert services.end_tokens_of_leavers(now=NOW()) == 0
    left.refresh_from_db()
    suspended.refresh_from_db()
    assert (left.end_reason, suspended.ended_at) == ("left", None)
    assert queries.named_row(left, roles={}, now=NOW()).state == "left"
    assert kinds().count(EventKind.NAMED_TOKEN_ENDED) == 1
    do_work()
    to = set(OutgoingMail.objects.filter(template="accounts/named_token_ended").values_list("to", flat=True))
    assert to == {cast.owner.email}
    Membership.unscoped.filter(user=cast.admin).update(ends_at=None)
    left.refresh_from_db()
    assert left.ended_at is not None


# --- From where


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("203.0.113.9", 200),
        ("::ffff:203.0.113.9", 200),
        ("2001:db8:40::1", 200),
        ("203.0.114.9", 403),
        ("2001:db9::1", 403),
        ("", 403),
        ("not an address", 403),
    ],
)
def test_token_is_used_from_its_networks_only(cast, address, status):
    made = make(cast, cidrs=["203.0.113.0/24", "2001:db8::/32"])
    answer = api(cast, made, address).ask()
    assert answer.status_code == status
    if status == 403:
        body = answer.json()
        assert body["code"] == "ip_not_allowed"
        assert body["error"] == "this address may not use this token: it is not on the token's own list"


def test_refused_address_costs_nothing_and_shows_on_the_page(cast, settings):
    settings.CONSOLE_API_REQUESTS = 1
    made = make(cast, cidrs=["203.0.113.0/24"])
    for _ in range(3):
        answer = api(cast, made, "198.51.100.1").ask()
        assert (answer.status_code, "X-RateLimit-Limit" in answer.headers) == (403, False)
    assert api(cast, made, "203.0.113.1").ask().status_code == 200
    flush_callers()
    token = queries.find_named(cast.account, made.credential.public_id)
    refused = queries.refused_callers(token)
    assert [(row.ip, row.verdict) for row in refused] == [("198.51.100.1", ApiCaller.Verdict.UNEXPECTED)]
    made.credential.refresh_from_db()
    assert made.credential.last_used_at is None


def test_lookup_of_a_named_token_is_one_query(cast, django_assert_num_queries):
    caller = api(cast, make(cast, cidrs=["203.0.113.0/24"]), "198.51.100.1")
    with django_assert_num_queries(1):
        assert caller.ask().status_code == 403


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0.0.0.0/0"], "would let every address in"),
        (["203.0.113.7/24"], "Did you mean 203.0.113.0/24?"),
        (["fe80::1%eth0"], "A zone"),
        (["010.0.0.1"], "Leading zeros"),
        (["203.0.113.0/24", "::ffff:203.0.113.0/120"], "Line 2: 203.0.113.0/24 is on the list already."),
        (["203.0.113.1", "nonsense"], "Line 2: Enter an address"),
    ],
)
def test_list_takes_what_the_allowlist_takes(cast, lines, message):
    with pytest.raises(NetworkRefused) as refused:
        make(cast, cidrs=lines)
    assert message in str(refused.value)
    assert not Credential.objects.exists()


def test_list_has_a_limit(cast, settings):
    settings.CONSOLE_TOKEN_NETWORKS = 2
    make(cast, cidrs=["203.0.113.1", "203.0.113.2"])
    with pytest.raises(NetworkRefused, match="2 entries at most"):
        make(cast, cidrs=["203.0.113.1", "203.0.113.2", "203.0.113.3"])


# --- Making, changing, revoking, ending


def test_secret_is_kept_as_a_digest_and_in_no_event(cast):
    made = make(cast)
    assert made.token.startswith("pbt_")
    event = AuditEvent.objects.get(kind=EventKind.NAMED_TOKEN_MADE)
    assert made.token not in str(event.data)
    assert event.data["permissions"] == ["read"]
    assert made.token.encode() not in bytes(made.credential.digest)
    do_work()
    mails = OutgoingMail.objects.filter(template="accounts/named_token_made")
    assert {row.to for row in mails} == {cast.owner.email, cast.admin.email}
    assert all(made.token not in str(message.message()) for message in mail.outbox)


def test_form_sent_twice_makes_one_token(cast):
    form_id = uuid.uuid4()
    first, second = make(cast, form_id=form_id), make(cast, form_id=form_id)
    assert (first.credential, second.token) == (second.credential, "")
    assert Credential.objects.count() == 1


def test_account_has_a_limit_of_live_ones(cast, settings):
    settings.CONSOLE_NAMED_TOKENS = 2
    first = make(cast)
    make(cast)
    with pytest.raises(services.TooManyNamedTokens):
        make(cast)
    services.revoke_named_token(actor=actor_of(cast), public_id=first.credential.public_id, now=NOW())
    make(cast)
    assert Credential.objects.filter(ended_at=None).count() == 2


def test_token_ends_when_its_time_is_over_with_and_without_the_task(cast):
    made = make(cast, ends_at=NOW() + timedelta(days=1))
    Credential.objects.update(ends_at=NOW(), made_at=NOW() - timedelta(days=1))
    assert api(cast, made).ask().status_code == 401
    assert queries.named_page(cast.account, half="ended", number=1, now=NOW()).rows[0].state == "ended"
    assert end_due_tokens(now=NOW()) == 1
    assert kinds()[-1] == EventKind.NAMED_TOKEN_ENDED
    do_work()
    assert OutgoingMail.objects.filter(template="accounts/named_token_ended").count() == 2
    assert not OutgoingMail.objects.filter(template="accounts/credential_ended").exists()


def test_end_in_the_past_is_refused(cast):
    with pytest.raises(services.LivesTooLong):
        make(cast, ends_at=NOW() - timedelta(seconds=1))


def test_member_changes_and_revokes_own_tokens_and_admins_all(cast):
    own, others = make(cast, "developer").credential, make(cast, "owner").credential
    values = {"name": "Robot", "cidrs": ["203.0.113.1"], "now": NOW()}
    developer = actor_of(cast, "developer")
    changed = services.change_named_token(actor=developer, public_id=own.public_id, **values)
    assert (changed.name, [str(cidr) for cidr in changed.cidrs]) == ("Robot", ["203.0.113.1/32"])
    for deed in (
        lambda: services.change_named_token(actor=developer, public_id=others.public_id, **values),
        lambda: services.revoke_named_token(actor=developer, public_id=others.public_id, now=NOW()),
    ):
        with pytest.raises(AccessRefused):
            deed()
    services.revoke_named_token(actor=actor_of(cast, "admin"), public_id=own.public_id, now=NOW())
    with pytest.raises(NoSuchToken):
        services.change_named_token(actor=developer, public_id=own.public_id, **values)
    event = AuditEvent.objects.get(kind=EventKind.NAMED_TOKEN_CHANGED)
    assert event.data["after"] == {"name": "Robot", "cidrs": ["203.0.113.1/32"]}


def test_revoked_twice_is_recorded_once_and_refused_at_once(cast):
    made = make(cast)
    assert api(cast, made).ask().status_code == 200
    for _ in range(2):
        services.revoke_named_token(actor=actor_of(cast), public_id=made.credential.public_id, now=NOW())
    assert api(cast, made).ask().status_code == 401
    assert kinds().count(EventKind.NAMED_TOKEN_REVOKED) == 1


def test_token_of_another_account_does_not_exist(cast):
    public_id = make(cast).credential.public_id
    stranger = Actor(user=cast.outsider, account=cast.other_account, rights=RIGHTS[Role.OWNER])
    with pytest.raises(NoSuchToken):
        services.revoke_named_token(actor=stranger, public_id=public_id, now=NOW())
    with pytest.raises(NoSuchToken):
        services.change_named_token(actor=stranger, public_id=public_id, name="x", cidrs=[], now=NOW())


def test_database_refuses_a_named_token_that_opens_everything(cast):
    made = make(cast)
    for fields in ({"permissions": None}, {"name": ""}, {"kind": "primary", "slot": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Credential.objects.filter(pk=made.credential.pk).update(**fields)


def test_token_only_reads_in_the_days_of_grace_unless_the_owner_made_it(cast):
    theirs, owners = (make(cast, who, permissions=["account:write"]) for who in ("admin", "owner"))
    ended = NOW() - timedelta(days=3)
    Plan.unscoped.filter(account=cast.account).update(starts_at=ended - timedelta(days=9), ends_at=ended)
    assert api(cast, theirs).ask("GET").status_code == 200
    refused = api(cast, theirs).ask("POST", {"city": "Delft"})
    assert (refused.status_code, refused.json()["code"]) == (403, "plan_needed")
    assert api(cast, owners).ask("POST", {"city": "Delft"}).status_code == 202
