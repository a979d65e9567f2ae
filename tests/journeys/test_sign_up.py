"""A newcomer signs up, passes 2FA, and calls the API with their own credentials."""

import re

import plivo
import plivo.rest.client as sdk
from playwright.sync_api import expect

from tests.journeys import steps

EMAIL, NUMBER = "ruth.adeyemi@quayside.example", "+31612340001"


def test_newcomer_signs_up_and_calls_the_api(page, watch, console, monkeypatch):
    steps.sign_up(page, watch, console, EMAIL)
    steps.verify_phone(page, watch, console, NUMBER)
    secret = _add_app(page, watch)
    _keep_codes(page, watch)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    watch.check()
    auth_id = re.search(r"/(MA[A-Z0-9]{18})/", page.url).group(1)
    page.reload()
    expect(page.get_by_text("$10.00").first).to_be_visible()
    token = _make_token(page, watch, auth_id)
    for name in (
        "PLIVO_API_BASE_URI",
        "API_VOICE_BASE_URI",
        "API_VOICE_BASE_URI_FALLBACK_1",
        "API_VOICE_BASE_URI_FALLBACK_2",
    ):
        monkeypatch.setattr(sdk, name, f"{console.url}/v1/Account")
    account = plivo.RestClient(auth_id, token, timeout=30).account.get()
    assert account.auth_id == auth_id
    assert account.cash_credits == "10.00000"
    assert account.account_type == "developer"
    _come_back(page, secret)


def _add_app(page, watch):
    watch.check()
    steps.press(page, "Add an authenticator app")
    expect(page.locator("[name=code]")).to_be_visible()
    watch.check()
    secret = re.search(r"secret=([A-Z2-7]+)", page.content()).group(1)
    steps.enter_code(page, steps.app_code(secret))
    return secret


def _keep_codes(page, watch):
    watch.check()
    steps.press(page, "Show my recovery codes")
    watch.check()
    page.get_by_label(re.compile("I kept")).check()
    page.locator("form:has([name=kept]) button[type=submit]").click()


def _make_token(page, watch, auth_id):
    page.goto(f"/{auth_id}/account/settings/credentials/")
    watch.check()
    page.get_by_role("link", name=re.compile("Generate")).or_(
        page.get_by_role("button", name=re.compile("Generate"))
    ).first.click()
    page.wait_for_load_state()
    watch.check()
    if "pbt_" not in page.locator("main").inner_text():
        page.locator("main form button[type=submit]").first.click()
    shown = page.locator("main")
    expect(shown).to_contain_text(re.compile(r"pbt_[0-9A-Za-z]{42}"))
    watch.check()
    return re.search(r"pbt_[0-9A-Za-z]{42}", shown.inner_text()).group()


def _come_back(page, secret):
    page.goto("/")
    page.get_by_text("Ruth Adeyemi").first.click()
    page.get_by_role("button", name=re.compile("Sign out")).first.click()
    steps.sign_in(page, {"email": EMAIL, "password": steps.PASSWORD, "totp_secret": secret})
