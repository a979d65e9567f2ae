"""A person adds a passkey, signs in and confirms with it, and removes it; Chromium brings the authenticator."""

import re
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from tests.journeys import steps

LOOKS = [(1440, "light"), (390, "dark"), (390, "light"), (1440, "dark")]


class Authenticator:
    """A passkey provider inside the browser, as Chromium's developer tools have one."""

    def __init__(self, page):
        self.page = page
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        self.id = self._plug_in()

    def _plug_in(self, **changes):
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        answer = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options | changes})
        return answer["authenticatorId"]

    def keys(self):
        """Return what is kept on it."""
        return self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]

    def forget(self):
        """Lose every key."""
        self.devtools.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})

    def refuse(self, is_refusing=True):
        """Fail to know the person, as when somebody else's finger is on it."""
        answer = {"authenticatorId": self.id, "isUserVerified": not is_refusing}
        self.devtools.send("WebAuthn.setUserVerified", answer)


@pytest.fixture
def owner(demo):
    return demo["accounts"][0]["users"][0]


@pytest.fixture
def security(demo):
    return f"/{demo['accounts'][0]['auth_id']}/account/settings/security/"


def look(page, watch):
    """See the page at each size and in each theme, and leave it wide and light."""
    for width, scheme in [*LOOKS, LOOKS[0]]:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(150)
        watch.check()


def add_passkey(page, security, name):
    page.goto(security)
    page.get_by_role("link", name="Add a passkey").first.click()
    page.locator("[name=name]").fill(name)
    steps.press(page, "Continue")
    page.get_by_role("button", name="Create passkey").click()


def sign_in_with_passkey(page, user):
    steps.give_password(page, user["email"], user["password"])
    expect(page).to_have_url(re.compile("/sign-in/second-factor/passkey/$"))


def forget_proofs(console):
    """Let every confirmation be an hour ago."""
    home = Path(f"/proc/{console.pids('gunicorn')[0]}/environ").read_bytes().split(b"\0")
    url = next(line.decode().partition("=")[2] for line in home if line.startswith(b"DATABASE_URL="))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE accounts_session SET confirmed_at = confirmed_at - interval '1 hour'")


def press_passkey(page):
    page.get_by_role("button", name="Use your passkey").click()


def test_passkey_from_its_first_day_to_its_last(page, watch, console, owner, security):
    steps.sign_in(page, owner)
    key = Authenticator(page)

    page.goto(f"{security}passkeys/add/")
    look(page, watch)
    add_passkey(page, security, "Work laptop")
    expect(page.get_by_text("Passkey added.")).to_be_visible()
    expect(page.get_by_text(re.compile("Work laptop · added"))).to_be_visible()
    look(page, watch)
    assert len(key.keys()) == 1
    assert "“Work laptop”" in console.newest(owner["email"], subject="A new passkey")["subject"]

    # The device says itself that it holds one already.
    add_passkey(page, security, "Work laptop again")
    expect(page.get_by_text("This device or key holds a passkey of yours already.")).to_be_visible()
    look(page, watch)

    page.context.clear_cookies()
    sign_in_with_passkey(page, owner)
    look(page, watch)
    press_passkey(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert key.keys()[0]["signCount"] > 1

    page.goto(security)
    page.get_by_label("Actions for passkey Work laptop").click()
    page.get_by_role("link", name="Rename").click()
    page.locator("[name=name]").fill("Old laptop")
    look(page, watch)
    steps.press(page, "Save")
    expect(page.get_by_text(re.compile("Old laptop · added"))).to_be_visible()

    page.get_by_label("Actions for passkey Old laptop").click()
    page.get_by_role("link", name="Remove…").click()
    look(page, watch)
    steps.press(page, "Remove")
    expect(page.get_by_text("Passkey removed.")).to_be_visible()
    expect(page.get_by_text(re.compile("Old laptop ·"))).to_have_count(0)
    assert "“Old laptop”" in console.newest(owner["email"], subject="passkey")["subject"]


def test_passkey_confirms_a_held_act_and_the_form_is_kept(page, watch, console, demo):
    account = demo["accounts"][1]
    owner, security = account["users"][0], f"/{account['auth_id']}/account/settings/security/"
    steps.sign_in(page, owner)
    Authenticator(page)
    add_passkey(page, security, "Spare key")
    expect(page.get_by_text("Passkey added.")).to_be_visible()

    page.context.clear_cookies()
    sign_in_with_passkey(page, owner)
    press_passkey(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    forget_proofs(console)

    page.goto(f"{security}recovery-codes/make/")
    page.locator("dialog button[type=submit]").click()
    expect(page.get_by_role("heading", name=re.compile("Confirm it"))).to_be_visible()
    look(page, watch)
    press_passkey(page)
    expect(page.get_by_role("textbox", name="Password")).to_be_visible()
    page.locator("[name=code]").fill(owner["password"])
    steps.press(page, "Confirm")
    expect(page.locator(".secret__value")).to_have_count(10)


def test_refusals_say_what_to_do(page, watch, owner, security):
    steps.sign_in(page, owner)
    key = Authenticator(page)
    add_passkey(page, security, "Phone")
    expect(page.get_by_text("Passkey added.")).to_be_visible()

    page.context.clear_cookies()
    key.forget()
    sign_in_with_passkey(page, owner)
    press_passkey(page)
    expect(page.get_by_role("alert")).to_contain_text("No passkey was used.")
    look(page, watch)
    page.get_by_role("link", name="Authenticator app").click()
    steps.enter_code(page, steps.app_code(owner["totp_secret"]))
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_page_without_javascript_names_the_other_ways(page, browser, console, owner, security):
    steps.sign_in(page, owner)
    Authenticator(page)
    add_passkey(page, security, "Tablet")
    expect(page.get_by_text("Passkey added.")).to_be_visible()
    context = browser.new_context(base_url=console.url, java_script_enabled=False)
    plain = context.new_page()
    sign_in_with_passkey(plain, owner)
    expect(plain.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(plain.get_by_role("button", name="Use your passkey")).to_be_hidden()
    plain.get_by_role("link", name="Authenticator app").click()
    steps.enter_code(plain, steps.app_code(owner["totp_secret"]))
    expect(plain.get_by_role("heading", name="Overview")).to_be_visible()
    context.close()
