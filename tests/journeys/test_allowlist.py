"""An allowlist reports, enforces, and goes back by itself unless somebody confirms; then it stays."""

import base64
import json
import time
import urllib.error
import urllib.request

import psycopg
import pytest
from playwright.sync_api import expect

from tests.journeys import steps
from tests.journeys.test_rotation import see

_DUE = """
UPDATE security_allowlistaccess SET confirm_by = now()
WHERE account_id = (SELECT id FROM accounts_account WHERE auth_id = %s) AND confirm_by IS NOT NULL
"""


@pytest.fixture
def account(demo):
    return demo["accounts"][0]


@pytest.fixture
def call(console, account):
    """Call the API as a server of the customer would, and return the status with the reason."""
    pair = f"{account['auth_id']}:{account['auth_token']}"
    headers = {
        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
        "User-Agent": "dispatch-desk/3.1",
    }
    request = urllib.request.Request(f"{console.url}/v1/Account/{account['auth_id']}/", headers=headers)

    def run():
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["code"]

    return run


def _turn_on(page, watch, address):
    page.goto(f"{address}mode/enforcing/")
    watch.check()
    steps.press(page, "Turn on enforcing")
    expect(page.get_by_role("heading", name="Confirm before")).to_be_visible()
    watch.check()


def test_list_reports_enforces_reverts_and_stays_once_confirmed(page, watch, console, demo, account, call):
    owner, address = account["users"][0], f"/{account['auth_id']}/account/settings/ip-whitelisting/"
    steps.sign_in(page, owner)
    page.goto(address)
    expect(page.get_by_role("heading", name="Nothing is refused yet")).to_be_visible()
    assert call() == (200, "")
    see(page, address, "dispatch-desk/3.1")
    watch.check()

    _turn_on(page, watch, address)
    assert call() == (403, "ip_not_allowed")
    with psycopg.connect(demo["database_url"]) as connection:
        connection.execute(_DUE, [account["auth_id"]])
    assert call() == (200, "")  # the deadline itself, before the worker comes by
    mail = console.newest(owner["email"], subject="report only")
    assert account["auth_id"] in mail["text"]
    see(page, address, "Nothing is refused yet")

    row = page.get_by_role("row").filter(has_text="dispatch-desk/3.1")
    row.get_by_role("button").click()
    expect(page.get_by_text("is on the list.")).to_be_visible()
    _turn_on(page, watch, address)
    assert call() == (200, "")
    steps.press(page, "Keep enforcing")
    expect(page.get_by_role("heading", name="Calls from other addresses are refused")).to_be_visible()
    time.sleep(12)  # longer than a round of the task that puts lists back
    page.reload()
    expect(page.get_by_role("heading", name="Calls from other addresses are refused")).to_be_visible()
    assert call() == (200, "")

    page.goto(f"{address}mode/report/")
    steps.press(page, "Switch to report only")
    expect(page.get_by_role("heading", name="Nothing is refused yet")).to_be_visible()
