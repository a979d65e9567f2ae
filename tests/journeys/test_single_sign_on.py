"""People sign in through two providers that others wrote, on another site than the console, and out again."""

import re
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from tests.journeys import steps
from tests.journeys.providers import PASSWORD, SamlIdp, SimpleSaml
from tests.security import saml_peer

FRESH = "ines.ferreira@halyard.example"


class Connection:
    """The demo account's connection, pointed at a provider by the row, as the wizard would."""

    def __init__(self, console, demo):
        self.auth_id = demo["accounts"][0]["auth_id"]
        home = Path(f"/proc/{console.pids('gunicorn')[0]}/environ").read_bytes().split(b"\0")
        self.database = next(
            line.decode().partition("=")[2] for line in home if line.startswith(b"DATABASE_URL=")
        )
        self.public_id, self.certificate = self._run(
            "SELECT c.public_id, c.certificate FROM security_ssoconnection c JOIN accounts_account a"
            " ON a.id = c.account_id WHERE a.auth_id = %s",
            self.auth_id,
        )
        base = f"{console.url}/sso/{self.public_id}"
        self.acs_url, self.audience, self.slo_url = f"{base}/acs/", f"{base}/metadata/", f"{base}/slo/"

    def _run(self, text, *values):
        with psycopg.connect(self.database, autocommit=True) as connection:
            found = connection.execute(text, values)
            return found.fetchone() if found.description else None

    def turn_off(self):
        self._run("UPDATE security_ssoconnection SET state = 'tested' WHERE public_id = %s", self.public_id)

    def lead_to(self, provider, *, email_attribute):
        self._run(
            "UPDATE security_ssoconnection SET state = 'on', is_two_factor = true, entity_id = %s, sso_url = %s,"
            " slo_url = %s, email_attribute = %s WHERE public_id = %s",
            provider.entity_id,
            provider.sso_url,
            provider.slo_url,
            email_attribute,
            self.public_id,
        )
        self._run(
            "UPDATE security_ssocertificate SET pem = %s WHERE connection_id ="
            " (SELECT id FROM security_ssoconnection WHERE public_id = %s)",
            saml_peer.pem_of(provider.certificate),
            self.public_id,
        )


@pytest.fixture
def connection(console, demo):
    """Give the demo's connection, and turn it off again: the other journeys sign in by password."""
    found = Connection(console, demo)
    yield found
    found.turn_off()


def leave_for_provider(page, watch, email):
    page.goto("/sign-in/")
    page.get_by_label("Work email").fill(email)
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_role("heading", name="Sign in with your company")).to_be_visible()
    watch.check()
    page.get_by_role("link", name=re.compile("^Continue to")).click()


def test_a_new_member_comes_through_saml_idp(page, watch, connection, tmp_path):
    provider = SamlIdp(tmp_path, acs_url=connection.acs_url, audience=connection.audience, email=FRESH)
    try:
        connection.lead_to(provider, email_attribute="email")
        leave_for_provider(page, watch, FRESH)
        page.locator("form[action*=signin] [type=submit]").first.click()
        page.wait_for_url(f"**/{connection.auth_id}/")
        # The provider's own page asks for pictures from elsewhere.
        watch.complaints.clear()
        page.reload()
        watch.check()
        assert "saml" not in {cookie["name"] for cookie in page.context.cookies()}
        assert page.url.endswith(f"/{connection.auth_id}/")
    finally:
        provider.stop()


def test_a_member_comes_through_simplesamlphp_and_signs_out_on_both_sides(page, watch, connection, tmp_path):
    (tmp_path / "tmp").mkdir()
    provider = SimpleSaml(
        tmp_path,
        acs_url=connection.acs_url,
        audience=connection.audience,
        slo_url=connection.slo_url,
        our_pem=connection.certificate,
        email=FRESH,
    )
    try:
        connection.lead_to(provider, email_attribute="mail")
        leave_for_provider(page, watch, FRESH)
        _prove(page, "wrong")
        expect(page.get_by_text("Incorrect username or password").first).to_be_visible()
        _prove(page, PASSWORD)
        page.wait_for_url(f"**/{connection.auth_id}/")
        watch.check()
        _sign_out(page, watch)
        page.get_by_role("link", name="Sign out there too").click()
        expect(page.get_by_role("heading", name="You are signed out everywhere")).to_be_visible()
        watch.check()
        leave_for_provider(page, watch, FRESH)
        expect(page.locator("[name=password]")).to_be_visible()
    finally:
        provider.stop()


def _prove(page, password):
    page.locator("[name=username]").fill("ann")
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")


def _sign_out(page, watch):
    page.locator(".switcher--user summary").first.click()
    steps.press(page, "Sign out")
    expect(page.get_by_role("heading", name="You are signed out here")).to_be_visible()
    watch.check()
