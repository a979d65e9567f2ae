"""Lock an account down and reopen it, in real browsers, while an integration goes on calling."""

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.journeys.conftest import Console, Watch
from tests.journeys.steps import app_code, enter_code, give_password, press, sign_in

NEW_PASSWORD = "a heron reads maps in november"


@pytest.fixture
def elsewhere(browser: Browser, console: Console) -> Iterator[BrowserContext]:
    """Return the browser of somebody else."""
    fresh = browser.new_context(base_url=console.url, viewport={"width": 390, "height": 844})
    fresh.set_default_timeout(15_000)
    yield fresh
    fresh.close()


def call(console: Console, auth_id: str, token: str) -> int:
    """Call the API as an integration does, and return the status."""
    header = b64encode(f"{auth_id}:{token}".encode()).decode()
    request = Request(f"{console.url}/v1/Account/{auth_id}/", headers={"Authorization": f"Basic {header}"})
    try:
        with urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def confirm_if_asked(page: Page, user: dict[str, Any]) -> None:
    """Answer "Confirm it's you", as often as it is asked."""
    for _ in range(2):
        page.wait_for_load_state()
        if "/confirm/" not in page.url:
            return
        if page.url.endswith("/password/"):
            page.locator("[name=code]").fill(user["password"])
            press(page, "Confirm")
        else:
            enter_code(page, app_code(user["totp_secret"]))


def settled(page: Page, watch: Watch) -> None:
    """Look at a dialog once it has come in."""
    page.wait_for_timeout(400)
    watch.check()


def lock_down(page: Page, watch: Watch, user: dict[str, Any], base: str) -> None:
    """Press the button, from the page about factors on."""
    page.goto(base)
    page.get_by_role("link", name="I think my account is compromised").click()
    expect(page.get_by_role("heading", name="Signed in now")).to_be_visible()
    watch.check()
    page.get_by_role("link", name="Lock down now").click()
    settled(page, watch)
    press(page, "Lock down now")
    confirm_if_asked(page, user)
    expect(page.get_by_role("heading", name="Locked down")).to_be_visible()
    watch.check()


def look_and_change_password(page: Page, user: dict[str, Any], base: str) -> None:
    """Go the way back up to the tokens."""
    page.goto(f"{base}compromise/way-back/")
    for label in ("Review the sessions", "Review the members", "Confirm your second factors"):
        press(page, f"Done: {label}")
        confirm_if_asked(page, user)
    expect(page.get_by_role("button", name="Allow tokens")).to_be_disabled()
    page.get_by_role("link", name="Change it").click()
    page.locator("[name=current]").fill(user["password"])
    page.locator("[name=password]").fill(NEW_PASSWORD)
    press(page, "Change password")
    confirm_if_asked(page, user)
    expect(page.get_by_text("Your password is changed")).to_be_visible()
    user["password"] = NEW_PASSWORD


def make_token(page: Page, watch: Watch, user: dict[str, Any], base: str) -> str:
    """Let tokens be made again, and make one."""
    page.goto(f"{base}compromise/way-back/")
    press(page, "Allow tokens")
    confirm_if_asked(page, user)
    watch.check()
    page.get_by_role("link", name="Generate", exact=True).click()
    press(page, "Generate")
    confirm_if_asked(page, user)
    found = re.search(r"pbt_[0-9A-Za-z]{42}", page.content())
    assert found
    return found.group()


def reopen(page: Page, watch: Watch, user: dict[str, Any], base: str) -> None:
    """Do the last step."""
    page.goto(f"{base}compromise/way-back/")
    expect(page.get_by_text("1 made since.")).to_be_visible()
    press(page, "Reopen the account")
    confirm_if_asked(page, user)
    expect(page.get_by_text("The account is open again.")).to_be_visible()
    expect(page.get_by_text("This account is locked down.")).to_have_count(0)
    watch.check()


def prove_once_more(page: Page, console: Console, user: dict[str, Any]) -> None:
    """Sign in with password, app and a mailed code."""
    give_password(page, user["email"], user["password"])
    page.goto("/sign-in/second-factor/app/")
    enter_code(page, app_code(user["totp_secret"]))
    expect(page.get_by_role("heading", name="One more proof")).to_be_visible()
    Watch(page).check()
    press(page, "Mail me a code")
    mail = console.newest(user["email"], subject="is your")
    enter_code(page, mail["subject"][:6])
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_lock_down_and_reopen(
    page: Page, watch: Watch, elsewhere: BrowserContext, console: Console, demo: dict[str, Any]
) -> None:
    account = next(row for row in demo["accounts"] if row["name"] == "Brightwater Studio")
    user, auth_id = account["users"][0], account["auth_id"]
    base = f"/{auth_id}/account/settings/security/"
    stranger = elsewhere.new_page()
    sign_in(stranger, user)
    assert call(console, auth_id, account["auth_token"]) == 200

    sign_in(page, user)
    lock_down(page, watch, user, base)
    assert call(console, auth_id, account["auth_token"]) == 401
    stranger.goto(f"/{auth_id}/")
    expect(stranger).to_have_url(re.compile("/sign-in/"))
    assert console.newest(user["email"], subject="is locked down")
    assert console.newest("support@patchbay.example", subject="Urgent")
    page.goto(f"/{auth_id}/account/settings/credentials/")
    expect(page.get_by_text("This account is locked down.")).to_be_visible()

    look_and_change_password(page, user, base)
    account["auth_token"] = make_token(page, watch, user, base)
    assert call(console, auth_id, account["auth_token"]) == 200
    reopen(page, watch, user, base)
    prove_once_more(stranger, console, user)


def test_check_up_and_putting_off(page: Page, watch: Watch, demo: dict[str, Any]) -> None:
    account = demo["accounts"][0]
    sign_in(page, account["users"][1])
    page.goto(f"/{account['auth_id']}/account/settings/security/check-up/")
    watch.check()
    page.get_by_role("link", name=re.compile("^Put off")).first.click()
    settled(page, watch)
    page.get_by_label("Why it may wait").fill("New servers come in April")
    page.locator("[name=until]").fill(
        page.evaluate("new Date(Date.now() + 864e5).toISOString().slice(0, 10)")
    )
    press(page, "Put off")
    expect(page.get_by_text("New servers come in April")).to_be_visible()
    press(page, "Show again")
    expect(page.get_by_role("link", name=re.compile("^Put off")).first).to_be_visible()
    watch.check()
