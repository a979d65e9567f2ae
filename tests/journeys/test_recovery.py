"""Ask for recovery after losing everything, be told, and cancel it, in real browsers."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.journeys.conftest import Console, Watch
from tests.journeys.steps import app_code, enter_code, give_password, press


@pytest.fixture
def office(browser: Browser, console: Console) -> Iterator[BrowserContext]:
    """Return the browser of the staff."""
    fresh = browser.new_context(base_url=console.url)
    fresh.set_default_timeout(15_000)
    yield fresh
    fresh.close()


def ask(page: Page, watch: Watch, user: dict[str, Any]) -> None:
    """Follow the way from the page of the second factor."""
    give_password(page, user["email"], user["password"])
    page.goto("/sign-in/second-factor/app/")
    page.get_by_role("link", name="I lost everything").click()
    expect(page.get_by_role("heading", name="I lost everything")).to_be_visible()
    watch.check()
    page.locator("[name=story]").fill("My bag was stolen, with everything in it.")
    press(page, "Ask for recovery")
    expect(page.get_by_role("heading", name="Look into your inbox")).to_be_visible()
    watch.check()


def link_of(console: Console, to: str, subject: str, words: str) -> str:
    """Return the mailed link that holds the words."""
    links = console.newest(to, subject=subject, channel="email")["links"]
    return str(next(link for link in links if words in link))


def verify(page: Page, staff: dict[str, Any], email: str) -> None:
    """Verify the newest request of the person, as staff."""
    give_password(page, staff["email"], staff["password"])
    page.goto("/sign-in/second-factor/app/")
    enter_code(page, app_code(staff["totp_secret"]))
    page.goto(f"/admin/security/recoveryrequest/?q={email}&state__exact=confirmed")
    page.locator("#result_list tbody th a").first.click()
    page.locator("[name=decision][value=verify]").check()
    page.locator("[name=proof]").select_option("call")
    page.locator("[name=remark]").fill("Called the office and asked for the person.")
    page.locator("[name=_save]").click()
    page.wait_for_load_state()


def test_recovery_is_asked_for_verified_told_and_cancelled(
    page: Page, watch: Watch, console: Console, demo: dict[str, Any], office: BrowserContext
) -> None:
    owner, user = demo["accounts"][0]["users"][0], demo["accounts"][0]["users"][3]
    ask(page, watch, user)
    page.goto(link_of(console, user["email"], "Confirm that you lost", "/recovery/confirm/"))
    watch.check()
    press(page, "Yes, send it to the staff")
    expect(page.get_by_role("heading", name="Your request is with our staff")).to_be_visible()
    watch.check()
    verify(office.new_page(), demo["staff"][0], user["email"])
    told = link_of(console, owner["email"], "asked to recover their sign-in", "/recovery/cancel/")
    assert told
    page.goto(link_of(console, user["email"], "will be removed in 72 hours", "/recovery/cancel/"))
    watch.check()
    press(page, "Cancel the recovery")
    expect(page.get_by_role("heading", name="The recovery is cancelled")).to_be_visible()
    watch.check()
    page.goto(told)
    expect(page.get_by_role("heading", name="This recovery is over")).to_be_visible()
    watch.check()
