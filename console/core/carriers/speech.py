"""Give a carrier the words of a call: as XML, and sealed inside the address it asks for them."""

import base64
import binascii
import datetime as dt
import html
import json

from console.core.carriers.base import spell_digits
from console.core.crypto import Undecryptable, decrypt, encrypt

CONTEXT = "carriers.speech"
VALID_FOR = dt.timedelta(minutes=10)
LONGEST_TOKEN = 2000


def speech_xml(text: str, *, tag: str) -> str:
    """Return a call script that says the text twice; ``tag`` is ``Speak`` or ``Say``."""
    words = html.escape(spell_digits(text))
    return f'<?xml version="1.0" encoding="UTF-8"?><Response><{tag} loop="2">{words}</{tag}></Response>'


def seal_speech(text: str, *, now: dt.datetime) -> str:
    """Return a token that carries the text unreadably, to be put in an address."""
    plain = json.dumps({"text": text, "at": now.timestamp()}).encode()
    return base64.urlsafe_b64encode(encrypt(plain, context=CONTEXT)).decode().rstrip("=")


def find_speech(token: str, *, now: dt.datetime) -> str | None:
    """Return the text in the token, or None when it is altered or older than ten minutes."""
    if len(token) > LONGEST_TOKEN or not token.isascii():
        return None
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        spoken = json.loads(decrypt(sealed, context=CONTEXT))
    except (binascii.Error, Undecryptable):
        return None
    age = now - dt.datetime.fromtimestamp(spoken["at"], dt.UTC)
    return spoken["text"] if age <= VALID_FOR else None
