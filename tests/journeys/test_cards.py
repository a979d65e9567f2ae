"""The owner saves a card, adds credit, and lets auto-recharge run into its brake."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys import steps


@pytest.mark.timeout(300)
def test_owner_pays_by_card_and_the_brake_stops_auto_recharge(page, watch, demo):
    account = demo["accounts"][1]
    steps.sign_in(page, account["users"][0])
    page.goto(f"/{account['auth_id']}/billing/payments/")
    expect(page.get_by_text("No card yet")).to_be_visible()
    watch.check()
    steps.press(page, "Add card")
    watch.check()
    page.get_by_label("Test card", exact=True).select_option(label="Visa ending 4242, pays")
    steps.press(page, "Save test card")
    expect(page.get_by_text("Visa ending 4242 is saved.")).to_be_visible()
    page.get_by_label("Another amount").fill("75.50")
    steps.press(page, "Pay")
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.get_by_text("$75.50").first).to_be_visible()
    watch.check()
    page.get_by_role("link", name="Payment Settings").first.click()
    for label, amount in {
        "When the balance falls below": "1000",
        "Add": "50",
        "At most a day": "150",
        "At most a week": "300",
        "At most a month": "600",
    }.items():
        page.get_by_label(label, exact=True).fill(amount)
    steps.press(page, "Turn on auto-recharge")
    expect(page.get_by_text("Auto-recharge is set.")).to_be_visible()
    # The sweep comes every 10 seconds; the third recharge pulls the brake.
    _reload_until(page, "Paused by the brake")
    watch.check()
    steps.press(page, "Resume")
    expect(page.get_by_text("Auto-recharge goes on.")).to_be_visible()
    _reload_until(page, "The cap of the day is reached")
    expect(page.get_by_text("$150.00 of $600.00 used this month.", exact=False)).to_be_visible()
    watch.check()


def _reload_until(page, words):
    for _ in range(90):
        page.reload()
        if page.get_by_text(re.compile(re.escape(words))).count():
            return
        page.wait_for_timeout(1000)
    raise AssertionError(f"the page never said: {words}")
