"""Keep what would have been sent."""

import re
import uuid

from console.devinbox.models import DevMessage

_LINK = re.compile(r"https?://[^\s<>\"']+")
_CODE = re.compile(r"(?<!\d)(\d{6})(?!\d)|(?<!\d)((?:\d, ){5}\d)(?!\d)")


def store(
    *,
    channel: str,
    to: str,
    subject: str = "",
    text: str,
    html: str = "",
    code: str = "",
    reference: str = "",
) -> DevMessage:
    """Keep one message; a second one with the same reference changes nothing."""
    links = list(dict.fromkeys(link.rstrip(".,)") for link in _LINK.findall(text)))
    fields = {
        "channel": channel,
        "to": to,
        "subject": subject,
        "text": text,
        "html": html,
        "links": links,
        "code": code or _find_code(text),
    }
    return DevMessage.objects.get_or_create(reference=reference or str(uuid.uuid4()), defaults=fields)[0]


def _find_code(text: str) -> str:
    found = _CODE.search(text)
    return re.sub(r"\D", "", found.group()) if found else ""
