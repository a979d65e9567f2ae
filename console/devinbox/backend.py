"""Deliver Django's mails to the dev inbox."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from console.devinbox import services


class InboxBackend(BaseEmailBackend):
    """Put each mail into the dev inbox instead of the network."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep the messages, one row for each recipient."""
        for message in email_messages:
            html = next(
                (str(part[0]) for part in getattr(message, "alternatives", []) if part[1] == "text/html"), ""
            )
            for to in message.recipients():
                services.store(
                    channel="email",
                    to=to,
                    subject=str(message.subject),
                    text=str(message.body),
                    html=html,
                    reference=f"{message.extra_headers.get('Message-ID', '')}{to}",
                )
        return len(email_messages)
