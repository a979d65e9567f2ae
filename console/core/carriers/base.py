"""Say what every carrier has in common."""

import re
from typing import Literal, Protocol

Channel = Literal["sms", "voice"]

# Seconds to wait for a carrier's answer.
TIMEOUT = 5
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
CODE = re.compile(r"\b[0-9]{4,10}\b")
BAD_REQUEST, REQUEST_TIMEOUT, TOO_MANY_REQUESTS, SERVER_ERROR = 400, 408, 429, 500


class CarrierError(Exception):
    """The carrier did not take the message; ``retryable`` says whether to try again.

    The text names the carrier and its answer, never the number or the message.
    """

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.retryable = retryable


class Carrier(Protocol):
    """What can deliver a text message or speak a text in a call."""

    def send(self, *, channel: Channel, to: str, text: str, reference: str) -> str:
        """Send one message and return the carrier's id of it.

        :raises CarrierError: if the carrier did not take it
        """
        ...


def spell_digits(text: str) -> str:
    """Set every code apart digit by digit, so that a voice reads "1, 2, 3" slowly."""
    return CODE.sub(lambda found: ", ".join(found.group()), text)


def check_number(to: str) -> None:
    """Refuse anything but one number in E.164: some carriers take a list in the same field.

    :raises CarrierError: if it is something else
    """
    if not NUMBER.fullmatch(to):
        raise CarrierError("The recipient is not one E.164 number.", retryable=False)


def refusal(name: str, status: int) -> CarrierError:
    """Return the error for an HTTP status; 408, 429 and 5xx may pass, the others will not."""
    retryable = status in {REQUEST_TIMEOUT, TOO_MANY_REQUESTS} or status >= SERVER_ERROR
    return CarrierError(f"{name} answered {status}.", retryable=retryable)


def unreachable(name: str, error: Exception) -> CarrierError:
    """Return the error for a carrier that did not answer."""
    return CarrierError(f"{name} did not answer: {type(error).__name__}.", retryable=True)
