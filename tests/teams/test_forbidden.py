"""The 403 page says what it is, which roles open it, and whom to ask."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import make_member
from tests.teams.team_steps import place


def test_page_names_the_area_the_roles_and_the_people(client, cast):
    cast.sign_in(client, "support")
    answer = client.get(place(cast, "member_list"))
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "Your role can’t open Team" in text  # noqa: RUF001 - as the page writes it
    assert "Halyard Logistics as <strong>Support</strong>" in text
    assert "Olivia Owner" in text
    assert "Admin Person" in text
    assert "Developer Person" not in text
    assert cast.owner.email not in text


def test_page_names_three_of_many(client, cast):
    for _ in range(6):
        make_member(cast.account, role="admin")
    cast.sign_in(client, "support")
    with CaptureQueriesContext(connection) as queries:
        text = client.get(place(cast, "member_list")).content.decode()
    assert text.count("Admin Person") == 3
    assert len(queries) <= 4


def test_refused_post_changes_nothing_and_says_the_same(client, cast):
    cast.sign_in(client, "developer")
    answer = client.post(place(cast, "member_invite"), {"email": "a@halyard.example", "role": "admin"})
    assert answer.status_code == 403
    assert "as <strong>Developer</strong>" in answer.content.decode()
