"""A form that was half filled in survives the question, in several tabs and over the back button; sessions end each other."""

import re

import psycopg
import pytest
from playwright.sync_api import expect

from tests.journeys import steps
from tests.journeys.conftest import Watch

_STALE = """
UPDATE accounts_session SET confirmed_at = confirmed_at - interval '1 hour'
WHERE user_id = (SELECT id FROM accounts_user WHERE email = %s)
"""
_TOO_LATE = "UPDATE security_heldact SET expires_at = now() - interval '1 second' WHERE replayed_at IS NULL"


@pytest.fixture
def account(demo):
    return demo["accounts"][1]


@pytest.fixture
def owner(account):
    return account["users"][0]


def _sql(demo, statement, *values):
    with psycopg.connect(demo["database_url"], autocommit=True) as connection:
        connection.execute(statement, values)


def _fill(page, account, *, idle, hours):
    page.goto(f"/{account['auth_id']}/account/settings/security/rules/sessions/")
    page.get_by_label("Sign out when idle for").select_option(idle)
    page.get_by_label("Sign out in any case after").select_option(hours)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("Confirm it"))).to_be_visible()


def _confirm(page, owner):
    page.goto(page.url.rsplit("/", 2)[0] + "/password/")
    page.locator("[name=code]").fill(owner["password"])
    page.get_by_role("button", name="Confirm", exact=True).click()
    page.wait_for_load_state()


def test_form_waits_for_the_question_in_two_tabs_and_comes_back_when_it_waited_too_long(
    page, watch, context, demo, account, owner
):
    steps.sign_in(page, owner)
    _sql(demo, _STALE, owner["email"])
    _fill(page, account, idle="20", hours="12")
    watch.check()
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(200)
    watch.check()
    second = context.new_page()
    _fill(second, account, idle="20", hours="8")
    page.go_back()
    page.go_forward()
    _confirm(page, owner)
    expect(page.get_by_text("The rule is saved.")).to_be_visible()
    expect(page.get_by_label("Sign out when idle for")).to_have_value("20")
    second.reload()
    second.get_by_role("button", name="Continue").click()
    expect(second.get_by_text("The rule is saved.")).to_be_visible()
    expect(second.get_by_label("Sign out in any case after")).to_have_value("8")

    page.context.clear_cookies()
    steps.sign_in(page, owner)
    _sql(demo, _STALE, owner["email"])
    _fill(page, account, idle="15", hours="4")
    _sql(demo, _TOO_LATE)
    page.reload()
    expect(page.get_by_text("This waited too long, so nothing was changed.")).to_be_visible()
    expect(page.get_by_label("Sign out when idle for")).to_have_value("15")
    expect(page.get_by_label("Sign out in any case after")).to_have_value("4")
    watch.check()


def test_session_ended_in_one_browser_is_over_in_the_other(page, watch, browser, console, account, owner):
    steps.sign_in(page, owner)
    elsewhere = browser.new_context(base_url=console.url)
    other = elsewhere.new_page()
    steps.sign_in(other, owner)
    page.goto(f"/{account['auth_id']}/account/settings/security/sessions/")
    expect(page.get_by_text("This device")).to_have_count(1)
    for scheme, width in (("light", 1440), ("dark", 390)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        watch.check()
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("ended.")).to_be_visible()
    other_watch = Watch(other)
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(other.get_by_text("This session has ended")).to_be_visible()
    other_watch.check()
    page.reload()
    expect(page.get_by_role("heading", name="Security")).to_be_visible()
    elsewhere.close()
