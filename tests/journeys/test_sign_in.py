"""People sign in with each of their factors, reset a password, and are locked out for a while."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys import steps


@pytest.fixture
def owner(demo):
    return demo["accounts"][0]["users"][0]


@pytest.fixture
def admin(demo):
    return demo["accounts"][0]["users"][1]


def _overview(page):
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_owner_signs_in_with_the_app(page, watch, owner):
    steps.sign_in(page, owner)
    watch.check()


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_admin_signs_in_with_a_phone_code(page, watch, console, admin, channel):
    number = "+31612345602"
    known = len([row for row in console.messages(number) if row["channel"] == channel])
    steps.give_password(page, admin["email"], admin["password"])
    page.goto("/sign-in/second-factor/phone/")
    watch.check()
    page.get_by_role("button", name=re.compile("Text|Send")).first.click()
    expect(page.locator("[name=code]")).to_be_visible()
    if channel == "voice":
        page.wait_for_timeout(31_000)
        page.reload()
        page.get_by_role("button", name=re.compile("Call")).first.click()
    code = console.newest(number, after=known, channel=channel)["code"]
    steps.enter_code(page, code)
    _overview(page)


def test_developer_signs_in_with_a_recovery_code_once(page, watch, console, demo):
    user = demo["accounts"][0]["users"][2]
    code = user["recovery_codes"][0]
    _use_recovery_code(page, watch, user, code)
    _overview(page)
    assert "recovery" in console.newest(user["email"], subject="recovery")["subject"].lower()
    page.context.clear_cookies()
    _use_recovery_code(page, watch, user, code)
    expect(page.locator("[name=code]")).to_have_attribute("aria-invalid", "true")


def _use_recovery_code(page, watch, user, code):
    steps.give_password(page, user["email"], user["password"])
    page.goto("/sign-in/second-factor/recovery/")
    watch.check()
    page.locator("[name=code]").fill(code)
    page.locator("form:has([name=code]) button[type=submit]").first.click()
    page.wait_for_load_state()


def test_support_person_resets_the_password(page, watch, console, demo):
    user = demo["accounts"][0]["users"][3]
    page.goto("/reset/")
    watch.check()
    page.get_by_label("Work email").fill(user["email"])
    steps.press(page, "Mail me a link")
    page.wait_for_load_state()
    watch.check()
    link = next(
        link for link in console.newest(user["email"], subject="password")["links"] if "/reset/" in link
    )
    page.goto(link)
    assert link not in page.url
    watch.check()
    page.locator("[name=password]").fill("an otter folds nine maps quietly")
    steps.press(page, "Set password")
    page.wait_for_load_state()
    steps.sign_in(page, user | {"password": "an otter folds nine maps quietly"})


def test_wrong_codes_lock_out_and_the_open_session_stays(page, watch, context, browser, console, demo):
    user = demo["accounts"][0]["users"][4]
    steps.sign_in(page, user)
    thief = browser.new_context(base_url=console.url).new_page()
    steps.give_password(thief, user["email"], user["password"])
    for number in range(8):
        thief.goto("/sign-in/second-factor/app/")
        if thief.locator("[name=code]").count() == 0:
            break
        steps.enter_code(thief, f"{number:06d}")
    assert re.search(r"too many|wait|locked", thief.locator("main").inner_text(), re.IGNORECASE)
    page.reload()
    _overview(page)
    thief.context.close()


def test_pages_work_without_javascript(browser, console, owner):
    context = browser.new_context(base_url=console.url, java_script_enabled=False)
    page = context.new_page()
    steps.sign_in(page, owner)
    context.close()
