"""What people do in a browser, told once."""

import re
import time
from typing import Any

from django_otp.oath import TOTP  # noqa: TID251 - the authenticator app of a test
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.journeys.conftest import Console, Watch

PASSWORD = "violet kettle argues at dawn"
_used: dict[str, int] = {}


def app_code(secret: str) -> str:
    """Return a fresh code of an authenticator app; waits when this step's code was used already."""
    import base64

    key = base64.b32decode(secret.replace(" ", "").upper() + "=" * (-len(secret.replace(" ", "")) % 8))
    while _used.get(secret) == int(time.time()) // 30:
        time.sleep(0.5)
    _used[secret] = int(time.time()) // 30
    totp = TOTP(key)
    totp.time = time.time()
    return f"{totp.token():06d}"


def press(page: Page, name: str) -> None:
    """Press the button with this name."""
    page.get_by_role("button", name=re.compile(name)).first.click()


def enter_code(page: Page, code: str, name: str = "code") -> None:
    """Type a code; the field sends itself after the sixth digit, or a button does."""
    before = page.url
    page.locator(f"[name={name}]").first.fill(code)
    try:
        page.wait_for_url(lambda url: url != before, timeout=3000)
    except PlaywrightTimeout:
        button = page.locator(f"form:has([name={name}]) button[type=submit]")
        if page.url == before and button.count():
            button.first.click()
    page.wait_for_load_state()


def sign_up(
    page: Page, watch: Watch, console: Console, email: str, *, company: str = "Quayside Freight"
) -> None:
    """Fill in the sign-up form, open the mailed link, press its button."""
    page.goto("/sign-up/")
    watch.check()
    page.get_by_label("Work email").fill(email)
    page.get_by_label("Full name").fill("Ruth Adeyemi")
    page.get_by_label("Company name").fill(company)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=terms]").check()
    page.wait_for_timeout(2500)  # the least time a person needs
    press(page, "Create account")
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    watch.check()
    link = next(link for link in console.newest(email, channel="email")["links"] if "/activate/" in link)
    page.goto(link)
    watch.check()
    press(page, "Confirm address")
    page.wait_for_load_state()


def verify_phone(page: Page, watch: Watch, console: Console, number: str) -> None:
    """Give a Dutch number and type the code that arrives."""
    page.locator("[name=country]").select_option("NL")
    page.locator("[name=number]").fill(number.removeprefix("+31"))
    watch.check()
    page.locator("main form button[type=submit]").first.click()
    expect(page.locator("[name=code]")).to_be_visible()
    watch.check()
    enter_code(page, console.newest(number)["code"])


def give_password(page: Page, email: str, password: str) -> None:
    """Go through the first two pages of signing in."""
    page.goto("/sign-in/")
    page.get_by_label("Work email").fill(email)
    press(page, "Continue")
    page.locator("[name=password]").fill(password)
    press(page, "Sign in")
    page.wait_for_load_state()


def sign_in(page: Page, user: dict[str, Any]) -> None:
    """Sign in with password and authenticator app."""
    give_password(page, user["email"], user["password"])
    page.goto("/sign-in/second-factor/app/")
    enter_code(page, app_code(user["totp_secret"]))
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
