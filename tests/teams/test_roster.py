"""The roster: who is shown, found and filtered; as a file; and at 5,000 members."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from teams import services
from teams.models import Membership
from teams.roles import Role
from teams.roster import Filters, page_of
from tests.factories import make_authenticator, make_member, make_user
from tests.teams.team_steps import actor_of, kinds, member_of, place

NOW = timezone.now


def _text(client, cast, query=""):
    return client.get(place(cast, "member_list") + query).content.decode()


def _crowd(account, count):
    password = make_password(None)
    people = User.objects.bulk_create(
        User(
            email=f"crowd{number:04d}@halyard.example",
            email_key=f"crowd{number:04d}@halyard.example",
            full_name=f"Crowd {number:04d}",
            password=password,
        )
        for number in range(count)
    )
    Membership.unscoped.bulk_create(
        Membership(account=account, user=person, role=Role.SUPPORT) for person in people
    )


def test_roster_shows_role_factor_sign_in_and_end(client, cast):
    make_authenticator(cast.admin)
    User.objects.filter(pk=cast.support.pk).update(last_login=NOW() - timedelta(days=94))
    Membership.unscoped.filter(user=cast.analyst).update(ends_at=NOW() + timedelta(days=20))
    cast.sign_in(client, "admin")
    text = _text(client, cast)
    for words in (
        "Olivia Owner",
        "Set at sign-up",
        "Authenticator app",
        "SMS or call only",
        "94 days ago",
        "until ",
    ):
        assert words in text
    assert "Otto" not in text
    assert text.count('<span class="tag">You</span>') == 1


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("?q=olivia", "Olivia Owner", "Developer Person"),
        ("?q=DEVELOPER%40halyard", "Developer Person", "Olivia"),
        ("?q=person+dev", "Developer Person", "Support Person"),
        ("?role=support", "Support Person", "Developer Person"),
        ("?factor=has_app", "Admin Person", "Developer Person"),
        ("?factor=weak", "Developer Person", "Admin Person"),
        ("?state=ending", "Analyst Person", "Developer Person"),
        ("?state=away", "Support Person", "Developer Person"),
        ("?state=raised", "Developer Person", "Support Person"),
    ],
)
def test_filters_find_members(client, cast, query, shown, hidden):
    make_authenticator(cast.admin)
    User.objects.filter(pk=cast.support.pk).update(last_login=NOW() - timedelta(days=94))
    Membership.unscoped.filter(user=cast.analyst).update(ends_at=NOW() + timedelta(days=20))
    if "raised" in query:
        Membership.unscoped.filter(user=cast.developer).update(raised_until=NOW() + timedelta(hours=1))
    cast.sign_in(client, "owner")
    table = _text(client, cast, query).partition("<tbody")[2].partition("</tbody>")[0]
    assert shown in table
    assert hidden not in table


@pytest.mark.parametrize(
    "query", ["?role=root", "?factor=x", "?page=0", "?page=x", "?q=a%00b", "?state=%27", "?q=" + "a" * 300]
)
def test_hostile_filters_are_refused_calmly(client, cast, query):
    cast.sign_in(client, "owner")
    assert client.get(place(cast, "member_list") + query).status_code == 422
    assert client.post(place(cast, "roster_csv") + query).status_code == 302


def test_nobody_matches_says_so_and_leads_back(client, cast):
    cast.sign_in(client, "owner")
    text = _text(client, cast, "?q=zebra%25")
    assert "No member matches" in text
    assert "Show everybody" in text


def test_page_beyond_the_last_shows_the_last(client, cast):
    _crowd(cast.account, 60)
    cast.sign_in(client, "owner")
    text = _text(client, cast, "?page=999999")
    assert "51 to 65 of 65" in text
    assert "Previous" in text
    assert "1 to 50 of 65" in _text(client, cast)


def test_file_has_everybody_and_is_no_formula(client, cast):
    make_member(cast.account, user=make_user("evil@halyard.example", full_name='=HYPERLINK("x")'))
    cast.sign_in(client, "owner")
    answer = client.post(place(cast, "roster_csv"))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert len(rows) == 6
    assert any(row["Name"].startswith("'=HYPERLINK") for row in rows)
    assert {row["Role"] for row in rows} >= {"Owner", "Admin", "Support", "Financial Analyst"}
    assert kinds(cast)[-1] == "roster:exported"
    filtered = client.post(place(cast, "roster_csv") + "?role=owner")
    assert b"".join(filtered.streaming_content).count(b"\r\n") == 2
    assert client.get(place(cast, "roster_csv")).status_code == 405


def test_files_are_limited(client, cast):
    cast.sign_in(client, "owner")
    answers = [client.post(place(cast, "roster_csv")).status_code for _ in range(31)]
    assert answers[-1] == 429


@pytest.mark.parametrize("name", ["member_list", "role_list", "invitation_list"])
def test_five_thousand_members_cost_the_same_queries(client, cast, name):
    cast.sign_in(client, "owner")
    client.get(place(cast, name))
    with CaptureQueriesContext(connection) as few:
        client.get(place(cast, name))
    _crowd(cast.account, 5_000)
    with CaptureQueriesContext(connection) as many:
        answer = client.get(place(cast, name))
    assert len(few) == len(many) <= 8
    assert answer.content.count(b'<tr role="row">') <= 51


def test_five_thousand_members_are_searched_and_streamed(client, cast):
    _crowd(cast.account, 5_000)
    cast.sign_in(client, "owner")
    with CaptureQueriesContext(connection) as queries:
        assert "Crowd 4321" in _text(client, cast, "?q=4321")
    assert len(queries) <= 8
    answer = client.post(place(cast, "roster_csv"))
    with CaptureQueriesContext(connection) as queries:
        pieces = list(answer.streaming_content)
    assert b"".join(pieces).count(b"\r\n") == 5_006
    assert len(queries) <= 13
    assert max(map(len, pieces)) < 200_000


def test_member_page_says_everything_and_offers_nothing_for_the_owner(client, cast):
    cast.sign_in(client, "admin")
    owner = client.get(place(cast, "member", member=member_of(cast, "owner").public_id)).content.decode()
    assert "set at sign-up" in owner
    assert "Remove from team" not in owner
    services.raise_member(
        actor=actor_of(cast, "owner"),
        member_id=member_of(cast, "support").public_id,
        reason="Night shift",
        now=NOW(),
    )
    raised = client.get(place(cast, "member", member=member_of(cast, "support").public_id)).content.decode()
    assert "Night shift" in raised
    assert "End it now" in raised


def test_names_are_escaped(client, cast):
    make_member(cast.account, user=make_user("tag@halyard.example", full_name="<img src=x>"))
    cast.sign_in(client, "owner")
    text = _text(client, cast)
    assert "<img src=x>" not in text
    assert "&lt;img src=x&gt;" in text
    assert page_of(cast.account, Filters(), number=1, now=NOW()).total == 6
