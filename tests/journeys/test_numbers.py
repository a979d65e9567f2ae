"""A number from the search to giving it back, and a sender ID that is asked for."""

from playwright.sync_api import expect

from tests.journeys import steps


def test_number_is_found_rented_named_and_given_back(page, watch, demo):
    account = demo["accounts"][1]
    steps.sign_in(page, account["users"][0])
    page.goto(f"/{account['auth_id']}/phone-numbers/rent/")
    page.get_by_label("Area code or place").fill("312")
    steps.press(page, "Search")
    expect(page.get_by_role("link", name="Rent +1 312-555-0100")).to_be_visible()
    watch.check()
    page.get_by_role("link", name="Rent +1 312-555-0100").click()
    expect(page.get_by_text("$0.80 for the first month")).to_be_visible()
    watch.check()
    # Two clicks are one rental, charged once.
    page.get_by_role("button", name="Rent for $0.80").dblclick()
    expect(page.get_by_role("heading", name="+1 312-555-0100")).to_be_visible()
    expect(page.get_by_text("$9.20").first).to_be_visible()
    watch.check()

    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Alias").fill("Studio line")
    steps.press(page, "Save")
    expect(page.get_by_role("heading", name="Studio line")).to_be_visible()
    page.get_by_role("link", name="Give back…").click()
    expect(page.get_by_role("heading", name="Give this number back?")).to_be_visible()
    watch.check()
    steps.press(page, "Give number back")
    expect(page.get_by_text("It costs nothing more.").first).to_be_visible()

    page.goto(f"/{account['auth_id']}/messaging/sender-ids/request/")
    page.get_by_role("textbox", name="Sender ID").fill("BRIGHTWATER")
    page.get_by_label("Country").select_option("GB")
    page.get_by_label("What for").fill("Times of appointments.")
    steps.press(page, "Send request")
    expect(page.get_by_text("Waits for a decision").last).to_be_visible()
    watch.check()
