"""Make seeds and one-time codes, and draw the picture that an app scans (RFC 6238, RFC 4226)."""

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

import qrcode
from django_otp.oath import TOTP  # noqa: TID251 - the one importer beside the models
from qrcode.image.svg import SvgPathImage

STEP_SECONDS = 30
DIGITS = 6
_SEED_BYTES = 20
_QUIET_ZONE = 4
# The current step, and the one before it for slow typists and clocks that run late.
_STEPS_BACK = (0, 1)


@dataclass(frozen=True, slots=True)
class Picture:
    """A QR code as one SVG path in a square of ``size`` units, quiet zone included."""

    path: str
    size: int


def new_seed() -> bytes:
    """Return 160 random bits."""
    return secrets.token_bytes(_SEED_BYTES)


def code_at(seed: bytes, now: datetime) -> str:
    """Return the code that an app with the seed shows at the instant."""
    return _code(seed, now, back=0)


def matching_step(seed: bytes, code: str, *, now: datetime) -> int | None:
    """Return the time step, the current or the previous one, whose code was given."""
    current = int(now.timestamp()) // STEP_SECONDS
    for back in _STEPS_BACK:
        if hmac.compare_digest(_code(seed, now, back=back).encode(), code.encode()):
            return current - back
    return None


def _code(seed: bytes, now: datetime, *, back: int) -> str:
    generator = TOTP(seed, step=STEP_SECONDS, digits=DIGITS, drift=-back)
    generator.time = now.timestamp()
    return f"{generator.token():0{DIGITS}d}"


def typed_key(seed: bytes) -> str:
    """Return the seed as a person types it: base 32 in groups of four."""
    plain = base64.b32encode(seed).decode().rstrip("=")
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))


def provisioning_uri(seed: bytes, *, issuer: str, label: str) -> str:
    """Return the ``otpauth://`` address that adds the seed to an app."""
    values = {
        "secret": typed_key(seed).replace(" ", ""),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP_SECONDS,
    }
    return f"otpauth://totp/{quote(f'{issuer}:{label}', safe='')}?{urlencode(values, quote_via=quote)}"


def draw(uri: str) -> Picture:
    """Draw the address as a QR code."""
    code = qrcode.QRCode(border=_QUIET_ZONE, image_factory=SvgPathImage)
    code.add_data(uri)
    image = code.make_image()
    path = next(element for element in image.get_image() if element.tag.endswith("path"))
    return Picture(path.attrib["d"], image.width + 2 * _QUIET_ZONE)
