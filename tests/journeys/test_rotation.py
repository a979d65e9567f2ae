"""A token is rotated with overlap while a client calls: nothing fails, and the page says when the old one may go."""

import re
import threading
import time

import psycopg
import pytest
from playwright.sync_api import expect
from plivo.exceptions import AuthenticationError

from tests.journeys import steps
from tests.sdk import connect, lead_to

_NO_CALLERS = """
DELETE FROM accounts_apicaller AS caller USING accounts_account AS account
WHERE caller.account_id = account.id AND account.auth_id = %s
"""
_A_DAY_AGO = """
WITH old AS (
  UPDATE accounts_credential SET last_used_at = last_used_at - interval '25 hours'
  WHERE ends_at IS NOT NULL AND ended_at IS NULL AND identity_id =
    (SELECT id FROM accounts_apiidentity WHERE auth_id = %s) RETURNING id
)
UPDATE accounts_apicaller SET last_seen_at = last_seen_at - interval '25 hours'
WHERE credential_id IN (SELECT id FROM old)
"""


class Caller(threading.Thread):
    """A program of the customer that calls all the time; its token may be changed while it runs."""

    def __init__(self, auth_id: str, token: str) -> None:
        super().__init__(daemon=True)
        self.sdk, self.calls, self.failures, self.is_over = connect(auth_id, token), 0, [], False

    def run(self) -> None:
        while not self.is_over:
            try:
                self.sdk.account.get()
                self.calls += 1
            except Exception as error:
                self.failures.append(repr(error))
            time.sleep(0.1)

    def wait(self) -> None:
        """Wait for two calls that began after now."""
        known, ends_at = self.calls, time.monotonic() + 10
        while self.calls < known + 2:
            assert time.monotonic() < ends_at, self.failures
            time.sleep(0.05)


@pytest.fixture
def account(demo):
    return demo["accounts"][1]


@pytest.fixture
def caller(account, console, monkeypatch):
    lead_to(console.url, monkeypatch)
    running = Caller(account["auth_id"], account["auth_token"])
    running.start()
    yield running
    running.is_over = True
    running.join()


def see(page, address, text, seconds=40):
    """Open the page again and again until it says the text."""
    ends_at = time.monotonic() + seconds
    while True:
        page.goto(address)
        if page.get_by_text(text).count() or time.monotonic() > ends_at:
            break
        page.wait_for_timeout(1000)
    expect(page.get_by_text(text).first).to_be_visible()


def test_token_is_rotated_while_a_client_calls(page, watch, console, demo, account, caller):
    owner, old_token = account["users"][0], account["auth_token"]
    address = f"/{account['auth_id']}/account/settings/credentials/"
    with psycopg.connect(demo["database_url"]) as connection:
        connection.execute(_NO_CALLERS, [account["auth_id"]])  # other journeys call too
    steps.sign_in(page, owner)

    page.goto(f"{address}make/")
    page.get_by_label("Keep it for 24 hours").check()
    watch.check()
    steps.press(page, "Generate Auth Token")
    expect(page.get_by_role("heading", name="Copy your new token now")).to_be_visible()
    new_token = re.search(r"pbt_\w{42}", page.locator("main").inner_text())[0]
    caller.wait()

    see(page, address, "Still used: 1 caller in the last hour")
    row = page.get_by_role("row").filter(has_text="plivo-python")
    expect(row.first).to_contain_text("GET /v1/Account/{auth_id}/")
    expect(page.get_by_text("Revoking now would answer 1 caller with 401")).to_be_visible()
    watch.check()

    caller.sdk = connect(account["auth_id"], new_token)
    caller.wait()
    see(page, address, "1 of 1 caller moved")
    page.wait_for_timeout(12_000)  # what was counted of the old token is in the database
    with psycopg.connect(demo["database_url"]) as connection:
        connection.execute(_A_DAY_AGO, [account["auth_id"]])
    see(page, address, "Safe to revoke: no calls in 24 h")

    page.get_by_role("link", name="Revoke old token").click()
    expect(page.get_by_text("Nobody used it in the last 24 h.")).to_be_visible()
    watch.check()
    old = connect(account["auth_id"], old_token)
    assert old.account.get().auth_id == account["auth_id"]
    steps.press(page, "Revoke token")
    expect(page.get_by_text("no longer opens the account")).to_be_visible()
    with pytest.raises(AuthenticationError):
        old.account.get()
    caller.wait()
    assert caller.failures == []
    assert "revoked" in console.newest(owner["email"], subject="revoked")["subject"]
