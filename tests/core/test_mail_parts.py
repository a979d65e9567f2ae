"""Names stand in a mail as they are written: escaped in the HTML part alone, and on one line in the subject."""

import pytest

from accounts.models import Account
from console.core.mail import build_message, queue_mail, render_mail

NAMES = ["O'Brien & Co {{7*7}}", '"><svg onload=x>', "Ann\r\nBcc: eve@elsewhere.example", "=?utf-8?q?x?="]


def _context(name):
    facts = [("Account", name)]
    return {"account": Account(name=name), "facts": facts, "button_url": "https://x/", "button_label": "Go"}


@pytest.mark.parametrize("name", NAMES)
def test_name_is_literal_in_the_text_and_escaped_in_the_html(name):
    subject, text, html = render_mail("accounts/credential_revoked", _context(name))
    line = " ".join(name.split())
    assert subject == f"An Auth Token of {line} was revoked"
    assert name in text
    assert "&#x27;" not in text
    assert "<svg" not in html
    assert "{{7*7}}" in html or "{{7*7}}" not in name


@pytest.mark.parametrize("name", NAMES)
def test_message_has_one_recipient_and_no_header_of_the_name(db, name):
    mail = queue_mail(
        "accounts/credential_revoked", to="ann@halyard.example", key="one", context=_context(name)
    )
    message = build_message(mail).message()
    assert message["To"] == "ann@halyard.example"
    assert message["Bcc"] is None
    assert set(message.keys()) <= {
        "Content-Type",
        "MIME-Version",
        "Subject",
        "From",
        "To",
        "Date",
        "Message-ID",
        "Auto-Submitted",
    }
