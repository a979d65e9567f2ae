"""The owner adds a webhook, keeps its secret, and sees by itself what became of a test event."""

import re

from playwright.sync_api import expect

from tests.journeys import steps


def test_owner_adds_a_webhook_and_sees_why_a_test_event_did_not_arrive(page, watch, demo):
    account = demo["accounts"][1]
    steps.sign_in(page, account["users"][0])
    page.goto(f"/{account['auth_id']}/account/settings/webhooks/")
    watch.check()
    page.get_by_role("link", name="Add webhook").first.click()
    watch.check()
    # An address inside a network is refused before anything is stored.
    page.get_by_label("Address").fill("https://169.254.169.254/latest/")
    steps.press(page, "Add webhook")
    expect(page.get_by_text("Use a host name, not an IP address.")).to_be_visible()
    watch.check()
    page.get_by_label("Address").fill("https://hooks.brightwater.example/console")
    page.get_by_label("Description").fill("Studio chat")
    steps.press(page, "Add webhook")
    secret = page.locator(".secret__value").inner_text()
    assert re.fullmatch(r"whsec_[\w+/]{43}=", secret)
    watch.check()
    page.get_by_role("link", name="Done").click()
    assert secret not in page.content()
    watch.check()
    # No such name exists, so the test event fails; its page learns that without a reload.
    steps.press(page, "Send a test event")
    expect(page.get_by_role("heading", name="webhook:test")).to_be_visible()
    watch.check()
    expect(page.get_by_role("cell", name=re.compile("the host name has no address"))).to_be_visible(
        timeout=60_000
    )
    watch.check()
    page.get_by_role("link", name="hooks.brightwater.example").first.click()
    expect(page.get_by_text("Deliveries fail.")).to_be_visible()
    watch.check()
    page.get_by_role("link", name="Pause…").click()
    watch.check()
    steps.press(page, "Pause webhook")
    expect(page.get_by_text("Paused. Nothing is sent.")).to_be_visible()
    watch.check()
    steps.press(page, "Turn on")
    expect(page.get_by_role("button", name="Send a test event")).to_be_visible()
