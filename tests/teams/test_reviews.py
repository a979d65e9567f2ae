"""The access review: asked for once a quarter, noted once."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.models import Plan
from teams import services
from teams.models import AccessReview, Membership
from teams.services.reviews import quarter_of
from tests.teams.team_steps import actor_of, kinds, member_of, place
from tests.work import mails_to

NOW = datetime(2027, 2, 10, 12, tzinfo=UTC)


@pytest.fixture
def team(cast):
    Plan.unscoped.update(starts_at=NOW - timedelta(days=900), ends_at=NOW + timedelta(days=900))
    Membership.unscoped.update(created_at=NOW - timedelta(days=200))
    return cast


@pytest.mark.parametrize(("month", "first"), [(1, 1), (3, 1), (4, 4), (9, 7), (12, 10)])
def test_quarters_begin_in_january_april_july_and_october(month, first):
    assert quarter_of(datetime(2027, month, 17, tzinfo=UTC).date()).month == first


def test_review_is_asked_for_once_a_quarter(team):
    assert services.open_reviews(now=NOW) == 1
    assert services.open_reviews(now=NOW + timedelta(days=20)) == 0
    assert services.open_reviews(now=NOW + timedelta(days=60)) == 1
    mails = [mail.subject for mail in mails_to(team.admin.email)]
    assert mails == ["Who still needs access to Halyard Logistics?"] * 2
    assert not mails_to(team.developer.email)


def test_account_without_a_team_or_a_plan_is_not_asked(team):
    Plan.unscoped.all().delete()
    assert services.open_reviews(now=NOW) == 0
    assert not AccessReview.unscoped.exists()


def test_new_team_waits_for_the_next_quarter(team):
    Membership.unscoped.update(created_at=NOW - timedelta(days=3))
    assert services.open_reviews(now=NOW) == 0


def test_admin_notes_the_review_and_a_second_click_says_so(client, team):
    services.open_reviews(now=NOW)
    team.sign_in(client, "admin")
    assert b"Access review is due by 12 March" in client.get(place(team, "member_list")).content
    assert client.post(place(team, "review_finish")).status_code == 302
    assert b"Access review is due" not in client.get(place(team, "member_list")).content
    assert b"No access review waits" in client.post(place(team, "review_finish"), follow=True).content
    assert kinds(team).count("access-review:done") == 1
    assert AccessReview.unscoped.get().done_by == team.admin
    with pytest.raises(services.NoReview):
        services.finish_review(actor=actor_of(team, "owner"), now=NOW)


def test_admin_for_a_while_finishes_no_review(team):
    services.open_reviews(now=NOW)
    services.raise_member(
        actor=actor_of(team, "owner"),
        member_id=member_of(team, "developer").public_id,
        reason="Holiday",
        now=NOW,
    )
    with pytest.raises(services.RaisedOnly):
        services.finish_review(actor=actor_of(team, "developer"), now=NOW)
