"""Signing in through a company's provider, as far as our own steps and no further than its own account."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from console.core.models import AuditEvent
from security.models import SsoAssertion, SsoDomain, SsoGroupRole, SsoLink, SsoSession
from teams.models import Invitation, Membership
from tests.factories import make_member, make_plan, make_user
from tests.security import saml_peer as peer
from tests.security import sso_steps as steps

pytestmark = pytest.mark.django_db


def refused(response, words: str) -> None:
    assert response.status_code == 403
    assert words in response.content.decode()
    assert not Session.objects.exclude(user=None).exists()


@pytest.fixture
def connection(cast):
    return steps.make_connection(cast.account, is_two_factor=True)


def overview(account) -> str:
    return f"/{account.auth_id}/"


def test_an_address_of_the_domain_leads_to_the_provider(client, cast, connection):
    response = client.post("/sign-in/", {"email": "Nobody@Halyard.example"}, follow=True)
    assert response.redirect_chain == [("/sso/", 302)]
    assert f"/sso/{connection.public_id}/start/" in response.content.decode()
    assert client.post("/sign-in/", {"email": "x@elsewhere.example"})["Location"] == "/sign-in/password/"
    cast.account.state = "closed"
    cast.account.save()
    assert client.post("/sign-in/", {"email": cast.owner.email})["Location"] == "/sign-in/password/"


def test_a_new_person_becomes_a_member_with_the_default_role(client, cast, connection):
    make_plan(cast.account) if not cast.account.plans.exists() else None
    response = steps.sign_in(client, connection, "new@halyard.example")
    user = User.objects.get(email_key="new@halyard.example")
    assert response.status_code == 302
    assert client.get(response["Location"]).status_code == 200
    assert Membership.objects.of(cast.account).get(user=user).role == "support"
    assert not user.has_usable_password()
    assert SsoLink.objects.get(user=user).connection == connection
    session = Session.objects.get(user=user)
    assert session.method == "sso"
    assert SsoSession.objects.get().session_id == session.public_id


def test_our_factors_follow_when_the_provider_proves_one_only(client, cast):
    connection = steps.make_connection(cast.account)
    assert steps.sign_in(client, connection, cast.developer.email)["Location"] == "/sign-in/second-factor/"
    assert not Session.objects.filter(user=cast.developer).exists()
    other = Client()
    mfa = "https://refeds.org/profile/mfa"
    assert steps.sign_in(other, connection, cast.developer.email, context=mfa)["Location"] == overview(
        cast.account
    )


def test_a_stale_sign_in_at_the_provider_counts_as_one_factor(client, cast, connection):
    long_ago = timezone.now() - timedelta(hours=13)
    assert (
        steps.sign_in(client, connection, cast.developer.email, authn_at=long_ago)["Location"]
        == "/sign-in/second-factor/"
    )


@pytest.mark.parametrize("groups", [["ops", "admins"], ["ops"]])
def test_groups_give_the_strongest_role_and_change_it_later(client, cast, connection, groups):
    connection.groups_attribute = "groups"
    connection.save()
    for group, role in (("admins", "admin"), ("ops", "developer")):
        SsoGroupRole.objects.create(connection=connection, group=group, role=role)
    steps.sign_in(client, connection, cast.support.email, attributes={"groups": groups})
    expected = "admin" if "admins" in groups else "developer"
    assert Membership.objects.of(cast.account).get(user=cast.support).role == expected


def test_an_invitation_is_accepted_with_its_role(client, cast, connection):
    now = timezone.now()
    Invitation.objects.create(
        account=cast.account,
        email="new@halyard.example",
        email_key="new@halyard.example",
        role="analyst",
        sent_at=now,
        expires_at=now + timedelta(days=7),
    )
    steps.sign_in(client, connection, "new@halyard.example")
    assert Membership.objects.of(cast.account).get(user__email_key="new@halyard.example").role == "analyst"
    assert Invitation.objects.of(cast.account).get().accepted_at


def test_nobody_becomes_an_owner_and_the_owner_links_by_a_test_first(client, cast, connection):
    given = steps.answer(client, connection, steps.start(client, connection), name_id=cast.owner.email)
    refused(given, "owner signs in with a password first")
    steps.link(connection, cast.owner)
    assert steps.sign_in(client, connection, cast.owner.email)["Location"] == overview(cast.account)
    assert Membership.objects.of(cast.account).get(user=cast.owner).role == "owner"


def test_a_locked_account_takes_nobody_by_its_provider(client, cast, connection):
    now = timezone.now()
    cast.account.state = "locked"
    cast.account.save()
    for email in ("new@halyard.example", "asked@halyard.example"):
        if email.startswith("asked"):
            Invitation.objects.create(
                account=cast.account, email=email, email_key=email, role="admin", sent_at=now,
                expires_at=now + timedelta(days=7),
            )  # fmt: skip
        request_id = steps.start(client, connection)
        refused(steps.answer(client, connection, request_id, name_id=email), "cannot be used now")
    assert not User.objects.filter(email_key__in=["new@halyard.example", "asked@halyard.example"]).exists()


def test_a_person_who_is_made_at_the_same_moment_signs_in_again(client, cast, connection, monkeypatch):
    """The directory may add them between our look and our write."""
    request_id, email = steps.start(client, connection), "new@halyard.example"

    def save_second(user, **more):
        monkeypatch.undo()
        make_user(email)
        user.save(**more)

    monkeypatch.setattr(User, "save", save_second)
    refused(steps.answer(client, connection, request_id, name_id=email), "Sign in again from here")
    assert steps.sign_in(client, connection, email)["Location"] == overview(cast.account)


def test_an_ended_membership_goes_on_by_an_invitation_only(client, cast, connection):
    now, email = timezone.now(), cast.support.email
    Membership.objects.of(cast.account).filter(user=cast.support).update(ends_at=now)
    request_id = steps.start(client, connection)
    refused(steps.answer(client, connection, request_id, name_id=email), "ended or is suspended")
    Invitation.objects.create(
        account=cast.account, email=email, email_key=email, role="analyst", sent_at=now,
        expires_at=now + timedelta(days=7),
    )  # fmt: skip
    assert steps.sign_in(client, connection, email)["Location"] == overview(cast.account)
    assert Membership.objects.of(cast.account).get(user=cast.support).role == "analyst"


def test_a_person_who_makes_room_is_signed_out_on_the_record(client, cast, connection):
    request_id = steps.start(client, connection)
    cast.sign_in(client, "admin")
    steps.answer(client, connection, request_id, name_id=cast.developer.email)
    assert client.get("/sso/finish/").status_code == 302
    assert AuditEvent.objects.filter(kind="session:signed-out", user_id=cast.admin.pk).exists()
    assert not Session.objects.filter(user=cast.admin).exists()


def test_without_a_plan_nobody_joins(client, cast, connection):
    cast.account.plans.all().delete()
    given = steps.answer(client, connection, steps.start(client, connection), name_id="new@halyard.example")
    refused(given, "takes no new members")
    assert not User.objects.filter(email_key="new@halyard.example").exists()


def test_an_assertion_is_taken_once(client, cast, connection):
    request_id = steps.start(client, connection)
    text = peer.encode(peer.signed(**steps.says(connection, request_id, name_id=cast.developer.email)))
    assert steps.post(client, connection, text).status_code == 303
    assert steps.post(client, connection, text).status_code == 403
    assert AuditEvent.objects.get(kind="sso:refused").ip == "127.0.0.1"
    assert client.get("/sso/finish/").status_code == 302
    assert client.get("/sso/finish/").status_code == 403
    assert SsoAssertion.objects.count() == 1


def test_an_assertion_that_answers_a_second_request_is_a_replay(client, cast, connection):
    first = steps.start(client, connection)
    steps.answer(client, connection, first, name_id=cast.developer.email, assertion_id="same")
    second = steps.start(client, connection)
    refused(
        steps.answer(client, connection, second, name_id=cast.developer.email, assertion_id="same"),
        "was used already",
    )


def test_an_answer_in_another_browser_is_refused(client, cast, connection):
    request_id = steps.start(client, connection)
    refused(
        steps.answer(Client(), connection, request_id, name_id=cast.developer.email), "in another browser"
    )


def test_an_old_request_is_refused(client, cast, connection):
    request_id = steps.start(client, connection)
    connection.requests.update(expires_at=timezone.now())
    refused(steps.answer(client, connection, request_id, name_id=cast.developer.email), "took too long")


def test_an_assertion_for_one_account_opens_nothing_at_another(client, cast, connection):
    other = steps.make_connection(cast.other_account, domain="elsewhere.example", key="theirs")
    request_id = steps.start(client, connection)
    text = peer.encode(peer.signed(**steps.says(connection, request_id, name_id=cast.developer.email)))
    refused(steps.post(client, other, text), "in another browser")
    own = steps.start(client, other)
    refused(steps.answer(client, other, own, name_id="eve@elsewhere.example"), "refused")


@pytest.mark.parametrize(
    "email",
    [
        "ann@elsewhere.example",
        "ann@unclaimed.example",
        "ann@halyard.example.evil.example",
        "ann@sub.halyard.example",
    ],
)
def test_a_provider_speaks_only_for_its_own_domains(client, cast, connection, email):
    SsoDomain.objects.create(
        account=cast.other_account, domain="elsewhere.example", challenge="x", verified_at=timezone.now()
    )
    SsoDomain.objects.create(account=cast.account, domain="unclaimed.example", challenge="x")
    refused(
        steps.answer(client, connection, steps.start(client, connection), name_id=email),
        "outside your company",
    )


@pytest.mark.parametrize(
    "email", ["ännchen@halyard.example", "@halyard.example", "ann@halyard.example\u3002evil", "ann"]
)
def test_an_odd_address_is_refused(client, cast, connection, email):
    refused(
        steps.answer(client, connection, steps.start(client, connection), name_id=email), "no usable address"
    )


def test_staff_and_disabled_people_are_refused(client, cast, connection):
    make_user("boss@halyard.example", is_staff=True)
    refused(
        steps.answer(client, connection, steps.start(client, connection), name_id="boss@halyard.example"),
        "sign in here",
    )
    User.objects.filter(pk=cast.developer.pk).update(is_active=False)
    refused(
        steps.answer(client, connection, steps.start(client, connection), name_id=cast.developer.email),
        "sign in here",
    )


def test_a_name_at_the_provider_stays_one_person(client, cast, connection):
    connection.email_attribute = "mail"
    connection.save()
    steps.sign_in(client, connection, "id-1", attributes={"mail": [cast.developer.email]})
    client.post("/sign-out/")
    stolen = steps.answer(
        client,
        connection,
        steps.start(client, connection),
        name_id="id-1",
        attributes={"mail": [cast.admin.email]},
    )
    assert stolen.status_code == 403
    doubled = steps.answer(
        client,
        connection,
        steps.start(client, connection),
        name_id="id-2",
        attributes={"mail": [cast.developer.email]},
    )
    assert doubled.status_code == 403
    renamed = {"mail": ["renamed@halyard.example"]}
    given = steps.answer(
        client, connection, steps.start(client, connection), name_id="id-1", attributes=renamed
    )
    assert given.status_code == 303


def test_a_password_of_an_address_that_nobody_confirmed_ends(client, cast, connection):
    user = make_user("squat@halyard.example", email_verified_at=None)
    steps.sign_in(client, connection, user.email)
    user.refresh_from_db()
    assert user.email_verified_at
    assert not user.has_usable_password()


def test_the_session_of_a_provider_opens_its_own_account_only(client, cast, connection):
    Membership.objects.create(account=cast.other_account, user=cast.developer, role="developer")
    make_plan(cast.other_account)
    steps.sign_in(client, connection, cast.developer.email)
    assert client.get(overview(cast.account)).status_code == 200
    answer = client.get(overview(cast.other_account))
    assert answer["Location"].startswith("/sso/elsewhere/")
    page = client.get(answer["Location"])
    assert "own sign-in" in page.content.decode()
    assert client.post("/sso/own/")["Location"] == "/sign-in/password/"
    assert not Session.objects.filter(user=cast.developer).exists()


def test_a_session_ends_when_the_provider_s_ends(client, cast, connection):
    soon = timezone.now() + timedelta(minutes=10)
    steps.sign_in(client, connection, cast.developer.email, session_ends_at=soon)
    assert abs(Session.objects.get(user=cast.developer).expire_date - soon) < timedelta(seconds=2)
    far = datetime(9999, 12, 31, tzinfo=UTC)
    steps.sign_in(Client(), connection, cast.support.email, session_ends_at=far)
    assert Session.objects.get(user=cast.support).expire_date < timezone.now() + timedelta(days=2)


def test_relay_state_leads_nowhere(client, cast, connection):
    assert steps.sign_in(client, connection, cast.developer.email)["Location"] == overview(cast.account)
    client.post("/sign-out/")
    for path in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        request_id = steps.start(client, connection, f"?next={path}")
        steps.answer(client, connection, request_id, name_id=cast.developer.email)
        assert client.get("/sso/finish/")["Location"] == overview(cast.account)
        client.post("/sign-out/")


def test_the_next_page_of_our_own_is_kept(client, cast, connection):
    wanted = f"/{cast.account.auth_id}/account/settings/profile/"
    client.get(wanted)
    assert steps.sign_in(client, connection, cast.developer.email)["Location"] == wanted


def test_an_unasked_answer_needs_the_switch_and_a_button(client, cast, connection):
    refused(steps.answer(client, connection, "", name_id=cast.developer.email), "Begin the sign-in here")
    connection.allows_idp_initiated = True
    connection.save()
    assert (
        steps.answer(client, connection, "", name_id=cast.developer.email, assertion_id="b").status_code
        == 303
    )
    page = client.get("/sso/finish/")
    assert f"Sign in as {cast.developer.email}" in page.content.decode()
    assert not Session.objects.exclude(user=None).exists()
    assert client.post("/sso/finish/")["Location"] == overview(cast.account)
    again = steps.answer(Client(), connection, "", name_id=cast.developer.email, assertion_id="b")
    assert "used already" in again.content.decode()


def test_a_refusal_is_logged_without_a_name(client, cast, connection, caplog):
    steps.answer(
        client, connection, steps.start(client, connection), name_id="secret.person@elsewhere.example"
    )
    logged = " ".join(f"{row.getMessage()} {row.__dict__}" for row in caplog.records)
    assert "outside the account's domains" in logged
    assert "secret.person" not in logged
    event = AuditEvent.objects.get(kind="sso:refused")
    assert "secret" not in str(event.data)


def test_nonsense_is_a_refusal_and_never_an_error(client, cast, connection):
    for text in ("", "!", "PHg+", "A" * 600_000, peer.encode(b"<a/>"), peer.encode(b"\xff\xfe<")):
        assert steps.post(client, connection, text).status_code in {403, 413}
    assert client.get(f"/sso/{connection.public_id}/acs/").status_code == 405


def test_a_person_of_two_accounts_is_asked_where_sso_is_enforced(client, cast, connection):
    connection.is_enforced = True
    connection.save()
    cast.sign_in(client, "developer")
    answer = client.get(overview(cast.account))
    assert answer["Location"].startswith(f"/sso/{connection.public_id}/needed/")
    assert "single sign-on" in client.get(answer["Location"]).content.decode()
    request_id = steps.start(client, connection)
    steps.answer(client, connection, request_id, name_id=cast.developer.email)
    assert client.get("/sso/finish/")["Location"] == overview(cast.account)
    assert client.get(overview(cast.account)).status_code == 200


def test_somebody_else_s_answer_does_not_add_to_an_open_session(client, cast, connection):
    cast.sign_in(client, "developer")
    request_id = steps.start(client, connection)
    given = steps.answer(client, connection, request_id, name_id=cast.admin.email)
    assert given.status_code == 403


def test_a_guest_of_another_domain_keeps_the_password(client, cast, connection):
    connection.is_enforced = True
    connection.save()
    guest = make_member(cast.account, user=make_user("guest@partner.example"))
    cast.users["guest"] = guest
    cast.sign_in(client, "guest")
    assert client.get(overview(cast.account)).status_code == 200
