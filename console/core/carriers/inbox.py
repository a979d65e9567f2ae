"""Deliver to the dev inbox instead of a phone."""

from django.conf import settings
from django.utils.module_loading import import_string

from console.core.carriers.base import CODE, Channel, check_number, spell_digits

STORE = "console.devinbox.services.store"


class DevInboxCarrier:
    """Store each message where the dev inbox page shows it."""

    def send(self, *, channel: Channel, to: str, text: str, reference: str) -> str:
        """Store the message as it would be read or heard, and the code in it."""
        check_number(to)
        store = import_string(getattr(settings, "DEV_INBOX_STORE", STORE))
        code = CODE.search(text)
        heard = spell_digits(text) if channel == "voice" else text
        store(channel=channel, to=to, text=heard, code=code.group() if code else "", reference=reference)
        return f"inbox-{reference}"
