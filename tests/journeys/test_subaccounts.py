"""A subaccount from its first token to its end: a number moves to it, a client calls, it is disabled and deleted."""

import re
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from playwright.sync_api import expect
from plivo.exceptions import AuthenticationError

from tests.journeys import steps
from tests.sdk import connect, lead_to

_USED = """
INSERT INTO subaccounts_usageevent
  (account_id, at, event_id, subaccount_id, units, rate, cost, kind, direction, country, status, from_number, to_number)
SELECT account_id, %(at)s, %(id)s, id, 3, 0.02, 0.06, 'call', 'outbound', 'NL', 'completed', '+31201234567', '+31611112222'
FROM subaccounts_subaccount WHERE auth_id = %(auth_id)s
"""


def test_subaccount_is_created_used_disabled_and_deleted_with_move(page, watch, console, demo, monkeypatch):
    lead_to(console.url, monkeypatch)
    account = demo["accounts"][0]
    owner, home = account["users"][0], f"/{account['auth_id']}"
    main = connect(account["auth_id"], account["auth_token"])
    number = next(one.number for one in main.numbers.list(limit=20) if one.sub_account is None)
    steps.sign_in(page, owner)

    page.goto(f"{home}/subaccounts/")
    watch.check()
    page.get_by_role("link", name="New subaccount").click()
    page.get_by_label("Name").fill("Night shift")
    page.get_by_role("button", name="Create subaccount").click()
    expect(page.get_by_role("heading", name="Copy its token now")).to_be_visible()
    watch.check()
    text = page.content()
    auth_id, token = (re.search(shape, text).group() for shape in (r"SA[A-Z0-9]{18}", r"pbt_[0-9A-Za-z]{42}"))
    client = connect(auth_id, token)
    assert list(client.numbers.list()) == []

    page.goto(f"{home}/phone-numbers/yours/{number}/move/")
    page.get_by_label("Move to").select_option(label="Night shift")
    page.get_by_role("button", name="Move number").click()
    page.wait_for_load_state()
    assert [one.number for one in client.numbers.list()] == [number]

    with psycopg.connect(demo["database_url"]) as connection:
        values = {"at": datetime.now(UTC), "id": uuid.uuid4(), "auth_id": auth_id}
        connection.execute(_USED, values)
    page.goto(f"{home}/logs/usage/?subaccount={auth_id}")
    expect(page.get_by_text("+31611112222").first).to_be_visible()

    page.goto(f"{home}/subaccounts/{auth_id}/")
    watch.check()
    page.get_by_role("link", name="Disable…").click()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("Its calls get 401").first).to_be_visible()
    with pytest.raises(AuthenticationError):
        client.numbers.get(number)
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_text("is enabled.").first).to_be_visible()
    assert client.numbers.get(number).number == number

    page.goto(f"{home}/subaccounts/{auth_id}/delete/")
    expect(page.get_by_text("What happens to its 1 number?")).to_be_visible()
    watch.check()
    page.get_by_role("button", name="Delete Night shift").click()
    expect(page.get_by_text("Night shift is deleted.")).to_be_visible()
    with pytest.raises(AuthenticationError):
        client.numbers.list()
    assert main.numbers.get(number).sub_account is None
    console.newest(owner["email"], subject="Night shift was deleted")
