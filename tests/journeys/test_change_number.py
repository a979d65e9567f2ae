"""A person changes the phone number: both steps are mailed, and the old number works until the new one is proved."""

import re

from playwright.sync_api import expect

from tests.journeys import steps

OLD, NEW = "+31612345603", "+31612345683"


def _code_page(page, user):
    """Go to the page that texts a code at sign-in, and have it sent."""
    steps.give_password(page, user["email"], user["password"])
    page.goto("/sign-in/second-factor/phone/")
    page.get_by_role("button", name=re.compile("Text|Send")).first.click()
    expect(page.locator("[name=code]")).to_be_visible()


def test_number_changes_and_the_old_one_works_until_then(page, watch, browser, console, demo):
    account = demo["accounts"][0]
    user = account["users"][2]
    steps.sign_in(page, user)
    page.goto(f"/{account['auth_id']}/account/settings/security/phone/")
    for scheme, width in (("light", 1440), ("dark", 390)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        watch.check()
    page.locator("[name=country]").select_option("NL")
    page.locator("[name=number]").fill(NEW.removeprefix("+31"))
    steps.press(page, "Send the code")
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    watch.check()
    new_code = console.newest(NEW)["code"]
    assert console.newest(user["email"], subject="about to change")

    elsewhere = browser.new_context(base_url=console.url)
    other = elsewhere.new_page()
    known = len(console.messages(OLD))
    _code_page(other, user)
    steps.enter_code(other, console.newest(OLD, after=known)["code"])
    expect(other.get_by_role("heading", name="Overview")).to_be_visible()

    steps.enter_code(page, new_code)
    expect(page.get_by_text("Phone number changed.")).to_be_visible()
    watch.check()
    assert console.newest(user["email"], subject="was changed")
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    elsewhere.close()
