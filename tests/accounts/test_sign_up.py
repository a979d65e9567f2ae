"""Signing up: one answer for every address, clear refusals beside the field, nothing half done."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail, signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import Account, ApiIdentity, EmailDomainRule, NetworkRule, Session, User
from accounts.services.sweeping import sweep_abandoned
from console.core.errors import TooManyRequests
from console.core.events import EventKind
from console.core.geo import NetworkKind
from console.core.models import AuditEvent
from console.core.requests import Origin
from teams.models import Membership
from tests.factories import make_account, make_user
from tests.work import do_work, mails_to

PASSWORD = "violet kettle argues at dawn"
EMAIL = "ines.okafor@halyard.example"
ORIGIN = Origin(ip="203.0.113.9")


def fields(**changes: Any) -> dict[str, Any]:
    """Return the form as a person fills it in."""
    values = {
        "email": EMAIL,
        "full_name": "Ines Okafor",
        "company_name": "Halyard Logistics",
        "password": PASSWORD,
        "terms": "on",
        "opened": signing.dumps(int(time.time()) - 30, salt="accounts.forms.opened-at"),
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def post(client: Client, **changes: Any) -> Any:
    """Send the form."""
    return client.post("/sign-up/", fields(**changes))


def open_account(**changes: Any) -> Any:
    """Sign up through the service."""
    values = {"email": EMAIL, "full_name": "Ines Okafor", "company_name": "Halyard", "password": PASSWORD}
    return services.sign_up(**(values | changes), origin=ORIGIN, now=timezone.now())


def body(response: Any) -> str:
    """Return the page without what differs at every request."""
    return re.sub(r"\b[A-Za-z0-9]{64}\b", "", response.text)


@pytest.mark.django_db
def test_form_shows_trial_credit_and_keeps_machines_out(client: Client) -> None:
    page = client.get("/sign-up/")
    assert page.status_code == 200
    assert "You start with $10 of trial credit" in page.text
    for attribute in (
        'autocomplete="new-password"',
        'autocomplete="username"',
        'autocomplete="organization"',
    ):
        assert attribute in page.text
    assert "maxlength" not in page.text


@pytest.mark.django_db
def test_newcomer_opens_an_account_with_everything_it_needs(client: Client) -> None:
    answer = post(client)
    assert (answer.status_code, answer.url) == (302, "/sign-up/check-mail/")
    user = User.objects.get(email_key=EMAIL)
    account = Account.objects.get(opened_by=user)
    assert (user.full_name, account.name, account.state) == ("Ines Okafor", "Halyard Logistics", "onboarding")
    assert user.terms_accepted_at
    assert user.check_password(PASSWORD)
    assert ApiIdentity.objects.get(account=account).auth_id == account.auth_id
    assert Membership.unscoped.get(account=account, user=user).role == "owner"
    kinds = AuditEvent.objects.values_list("kind", flat=True)
    assert {EventKind.USER_SIGNED_UP, EventKind.ACCOUNT_OPENED} <= set(kinds)
    message = mails_to(EMAIL)[0]
    assert "/activate/" in message.body
    assert "Confirm address" in message.alternatives[0].content


@pytest.mark.django_db
def test_page_after_signing_up_shows_the_address_and_a_way_back(client: Client) -> None:
    post(client)
    page = client.get("/sign-up/check-mail/")
    assert EMAIL in page.text
    assert "<resend-countdown data-seconds=" in page.text
    again = client.get("/sign-up/")
    assert 'value="Halyard Logistics"' in again.text
    assert PASSWORD not in again.text


@pytest.mark.django_db
def test_signing_up_signs_nobody_in(client: Client) -> None:
    post(client)
    assert client.get("/").url == reverse("accounts:activation_sent")
    assert not Session.objects.exclude(user=None).exists()
    assert "sign_in" not in client.session


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("ines@gmail.com", "Gmail addresses can"),
        ("ines@GMAIL.com.", "Gmail addresses can"),
        ("ines@mailinator.com", "throw-away"),
        ("ines@x.mailinator.com", "throw-away"),
        ("ines@gm\u0430il.com", "only looks like gmail.com"),
        ("ines@outlook.com", "Outlook addresses can"),
        ("ines", "complete email address"),
        ("a@b@c.example", "complete email address"),
        ("ines@halyard.example\r\nBcc: all@example.com", "one line"),
        (f"{'a' * 300}@halyard.example", "at most 254"),
        ("=?utf-8?q?ines?=@halyard.example", "complete email address"),
        ("", "Enter your work email"),
    ],
)
def test_address_is_refused_with_a_reason_and_nothing_is_lost(client: Client, email: str, words: str) -> None:
    page = post(client, email=email)
    assert page.status_code == 422
    assert words in page.text
    assert 'value="Ines Okafor"' in page.text
    assert 'value="Halyard Logistics"' in page.text
    assert "checked" in page.text
    assert PASSWORD not in page.text
    assert not User.objects.exists()


@pytest.mark.django_db
def test_entries_of_staff_win_over_the_packaged_lists(client: Client) -> None:
    EmailDomainRule.objects.create(domain="gmail.com", verdict="allow", reason="A partner")
    EmailDomainRule.objects.create(domain="halyard.example", verdict="block", reason="Fraud")
    assert post(client, email="ines@gmail.com").status_code == 302
    refused = post(Client(), email="ines@mail.halyard.example")
    assert refused.status_code == 422
    assert "mail.halyard.example" in refused.text


@pytest.mark.django_db
def test_shared_mailbox_gets_a_warning_and_goes_on(client: Client) -> None:
    assert post(client, email="billing@halyard.example").status_code == 302
    assert "looks like a shared mailbox" in client.get("/sign-up/check-mail/").text


@pytest.mark.django_db
def test_plus_address_and_unicode_domain_are_kept_in_canonical_form(client: Client) -> None:
    assert post(client, email="Ines+Console@Bücher.Example").status_code == 302
    user = User.objects.get()
    assert (user.email, user.email_key) == (
        "Ines+Console@xn--bcher-kva.example",
        "ines+console@xn--bcher-kva.example",
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("Sh0rt!", "12 to 256 characters"),
        ("onlylowercase", "Add an upper case letter"),
        ("Halyard-Logistics-2026", "built on"),
        ("Sunshine1234!", "tried first"),
        ("x" * 10_000, "12 to 256 characters"),
        ("", "Choose a password"),
    ],
)
def test_weak_password_is_refused_beside_the_field(client: Client, password: str, words: str) -> None:
    page = post(client, password=password)
    assert page.status_code == 422
    assert words in page.text
    assert 'id="id_password_error"' in page.text
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["full_name", "company_name"])
@pytest.mark.parametrize(
    "text",
    [
        "Ines\0Okafor",
        "Ines \u202erofako",
        "Ines\r\nBcc: all@example.com",
        "n" * 1_000_000,
        "https://evil.example",
        " ",
    ],
)
def test_hostile_names_are_refused(client: Client, field: str, text: str) -> None:
    page = post(client, **{field: text})
    assert page.status_code == 422
    assert f'id="id_{field}_error"' in page.text
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "status"), [(1_048_576, 422), (2_000_000, 422), (3_000_000, 413)])
def test_huge_field_is_refused_calmly(client: Client, count: int, status: int) -> None:
    assert post(client, full_name="n" * count).status_code == status


@pytest.mark.django_db
def test_name_with_commas_and_quotes_makes_one_mail_to_one_recipient(client: Client) -> None:
    name = 'O\'Brien, "Bcc: all@example.com" <x@example.com>'
    assert post(client, full_name=name).status_code == 302
    do_work()
    assert len(mail.outbox) == 1
    message = mail.outbox[0].message()
    assert mail.outbox[0].recipients() == [EMAIL]
    assert message["Bcc"] is None
    assert message["To"] == EMAIL
    assert "all@example.com" not in message["Subject"]
    assert "&lt;x@example.com&gt;" in mail.outbox[0].alternatives[0].content


@pytest.mark.django_db
def test_terms_must_be_accepted(client: Client) -> None:
    page = post(client, terms=None)
    assert page.status_code == 422
    assert "Accept the terms" in page.text


@pytest.mark.django_db
def test_machines_are_refused(client: Client, settings: Any) -> None:
    assert post(client, website="https://spam.example").status_code == 422
    settings.CONSOLE_LEAST_FILL_SECONDS = 2
    just_now = signing.dumps(int(time.time()), salt="accounts.forms.opened-at")
    for opened in (just_now, "", "forged", just_now + "x"):
        page = post(client, opened=opened)
        assert page.status_code == 422
        assert "as soon as it was opened" in page.text
    assert not User.objects.exists()
    assert post(client).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [NetworkKind.VPN, NetworkKind.PROXY, NetworkKind.TOR, NetworkKind.HOSTING])
def test_hidden_networks_are_told_before_and_after_typing(
    client: Client, monkeypatch: Any, kind: str
) -> None:
    monkeypatch.setattr("accounts.queries.rules.classify", lambda address, *, now: kind)
    assert "Turn off your VPN and try again." in client.get("/sign-up/").text
    page = post(client)
    assert page.status_code == 403
    assert "Turn off your VPN and try again." in page.text
    assert f'value="{EMAIL}"' in page.text
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [NetworkKind.UNKNOWN, NetworkKind.CLEAN])
def test_clean_and_unknown_networks_are_let_in(client: Client, monkeypatch: Any, kind: str) -> None:
    monkeypatch.setattr("accounts.queries.rules.classify", lambda address, *, now: kind)
    assert post(client).status_code == 302


@pytest.mark.django_db
def test_narrowest_network_rule_wins_over_the_database(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("accounts.queries.rules.classify", lambda address, *, now: NetworkKind.VPN)
    NetworkRule.objects.create(network="127.0.0.0/8", verdict="allow", reason="Office")
    assert "Turn off" not in client.get("/sign-up/").text
    NetworkRule.objects.create(network="127.0.0.1/32", verdict="block", reason="Abuse")
    assert post(client).status_code == 403


@pytest.mark.django_db
def test_forged_forwarded_address_changes_nothing(client: Client) -> None:
    NetworkRule.objects.create(network="127.0.0.1/32", verdict="block", reason="Abuse")
    page = client.post("/sign-up/", fields(), headers={"X-Forwarded-For": "8.8.8.8"})
    assert page.status_code == 403


@pytest.mark.django_db
def test_too_many_sign_ups_from_a_network_wait(client: Client, settings: Any) -> None:
    settings.CONSOLE_SIGN_UPS_PER_ADDRESS_HOUR = 2
    for number in range(2):
        assert (
            post(Client(REMOTE_ADDR=f"198.51.100.{number}"), email=f"p{number}@halyard.example").status_code
            == 302
        )
    page = post(Client(REMOTE_ADDR="198.51.100.77"), email="p3@halyard.example")
    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) > 0
    assert 'value="p3@halyard.example"' in page.text
    assert post(Client(REMOTE_ADDR="198.51.101.1"), email="p3@halyard.example").status_code == 302


@pytest.mark.django_db
def test_failure_in_the_middle_leaves_nothing(monkeypatch: Any, settings: Any) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("enroller")

    monkeypatch.setattr("accounts.services.signup.import_string", lambda path: fail)
    with pytest.raises(RuntimeError):
        open_account()
    assert not User.objects.exists()
    assert not Account.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_ceiling_of_mails_raises_an_alarm(settings: Any, caplog: Any) -> None:
    settings.CONSOLE_MAILS_CEILING_HOUR = 1
    services.resend_activation(email="one@halyard.example", origin=ORIGIN, now=timezone.now())
    with pytest.raises(TooManyRequests):
        services.resend_activation(email="two@halyard.example", origin=ORIGIN, now=timezone.now())
    assert any(record.levelname == "CRITICAL" for record in caplog.records)


@pytest.mark.django_db
def test_reset_mails_count_in_the_ceiling_for_known_and_unknown_addresses(settings: Any) -> None:
    settings.CONSOLE_MAILS_CEILING_HOUR = 2
    known = make_user().email
    services.resend_activation(email="one@halyard.example", origin=ORIGIN, now=timezone.now())
    services.request_reset(email="nobody@halyard.example", origin=ORIGIN, now=timezone.now())
    for email in (known, "somebody@halyard.example"):
        with pytest.raises(TooManyRequests):
            services.request_reset(email=email, origin=ORIGIN, now=timezone.now())


@pytest.mark.django_db
def test_home_leads_back_to_the_mail_that_waits(client: Client) -> None:
    assert client.get("/").url == "/sign-in/"
    client.post("/sign-up/", fields())
    assert client.get("/").url == reverse("accounts:activation_sent")
    assert client.get("/", follow=True).status_code == 200


@pytest.mark.django_db
def test_signed_in_person_is_led_home(client: Client, cast: Any) -> None:
    cast.sign_in(client, "owner")
    assert client.get("/sign-up/").status_code == 302


@pytest.mark.django_db
def test_advice_counts_the_names_in_the_form_and_needs_the_forms_token() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/password-advice/", {"password": "x"}).status_code == 403
    client = Client()
    page = client.post("/password-advice/", fields(password="Halyard-Logistics-2026"))
    assert page.status_code == 200
    assert "<progress" in page.text
    assert "<html" not in page.text
    assert "Halyard-Logistics-2026" not in page.text
    assert client.get("/password-advice/").status_code == 405


@pytest.mark.django_db
def test_advice_and_passwords_stay_out_of_the_logs(client: Client, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    client.post("/password-advice/", fields(password="canary-parrot-sings-softly"))
    post(client, password="canary-parrot-sings-softly", terms=None)
    assert "canary-parrot" not in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/terms/", "/privacy/"])
def test_legal_pages_are_open_and_marked_as_samples(client: Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "Sample text." in page.text
    assert path in client.get("/sign-up/").text


@pytest.mark.django_db
def test_sweep_deletes_abandoned_sign_ups_only() -> None:
    now = timezone.now()
    old = now - timedelta(days=8)
    open_account()
    open_account(email="fresh@halyard.example")
    User.objects.filter(email_key=EMAIL).update(created_at=old)
    confirmed = make_user("kept@halyard.example", created_at=old)
    make_account(owner=confirmed)
    invited = make_user(
        "invited@halyard.example", created_at=old, email_verified_at=None, phone_verified_at=None
    )
    assert sweep_abandoned(now=now, page=1) == 1
    assert sweep_abandoned(now=now) == 0
    assert set(User.objects.values_list("email", flat=True)) == {
        "fresh@halyard.example",
        confirmed.email,
        invited.email,
    }
