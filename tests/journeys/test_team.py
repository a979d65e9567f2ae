"""An owner invites somebody, who joins through phone and second factor, and is made a supporter while looking on."""

import re

from playwright.sync_api import expect

from tests.journeys import steps
from tests.journeys.conftest import Watch

EMAIL, NUMBER = "freya.lund@halyard.example", "+31612340777"


def test_newcomer_joins_a_team_and_a_change_of_role_counts_at_once(page, watch, console, demo, browser):
    account = demo["accounts"][0]
    team = f"/{account['auth_id']}/account/settings/team/"
    steps.sign_in(page, account["users"][0])
    _invite(page, watch, team)
    link = next(
        link for link in console.newest(EMAIL, subject="invites you")["links"] if "/invitations/" in link
    )
    context = browser.new_context(base_url=console.url)
    context.set_default_timeout(15_000)
    newcomer = context.new_page()
    guest = Watch(newcomer)
    _join(newcomer, guest, console, link)
    expect(newcomer.get_by_text("You are in the team of Halyard Logistics")).to_be_visible()
    guest.check()
    credentials = f"/{account['auth_id']}/account/settings/credentials/"
    newcomer.goto(credentials)
    expect(newcomer.get_by_role("heading", name="Credentials").first).to_be_visible()
    _make_supporter(page, watch, team)
    newcomer.goto(credentials)
    expect(newcomer.get_by_text(re.compile("Your role can.t open Auth ID"))).to_be_visible()
    assert console.newest(EMAIL, subject="Your role in Halyard Logistics is Support now")
    context.close()


def _invite(page, watch, team):
    page.goto(team)
    watch.check()
    page.get_by_role("link", name="Add New User").click()
    page.get_by_label("Work email").fill(EMAIL)
    watch.check()
    steps.press(page, "Invite User")
    expect(page.get_by_text(EMAIL).first).to_be_visible()
    watch.check()


def _join(page, watch, console, link):
    page.goto(link)
    expect(page.get_by_role("heading", name="Join Halyard Logistics")).to_be_visible()
    watch.check()
    page.get_by_label("Full name").fill("Freya Lund")
    page.locator("[name=password]").fill(steps.PASSWORD)
    page.locator("[name=terms]").check()
    steps.press(page, "Go on")
    page.wait_for_load_state()
    steps.verify_phone(page, watch, console, NUMBER)
    steps.press(page, "Add an authenticator app")
    secret = re.search(r"secret=([A-Z2-7]+)", page.content()).group(1)
    steps.enter_code(page, steps.app_code(secret))
    steps.press(page, "Show my recovery codes")
    page.get_by_label(re.compile("I kept")).check()
    page.locator("form:has([name=kept]) button[type=submit]").click()
    expect(page.get_by_role("button", name="Join the team")).to_be_visible()
    watch.check()
    steps.press(page, "Join the team")
    page.wait_for_load_state()


def _make_supporter(page, watch, team):
    page.goto(f"{team}?q=freya")
    page.get_by_role("link", name="Freya Lund").click()
    watch.check()
    page.get_by_role("link", name="Change role").click()
    page.get_by_label(re.compile("Support")).check()
    watch.check()
    steps.press(page, "Change role")
    expect(page.get_by_text("Freya Lund is Support from the next click on.")).to_be_visible()
