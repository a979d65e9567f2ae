"""Fail on command, so that tests can see what a failing carrier does to the rest."""

import json

from console.core.carriers.base import CarrierError, Channel
from console.core.ratelimit import valkey

_ORDERS, _SENT = "carriers:practice:orders", "carriers:practice:sent"


class FailingCarrier:
    """Fail as often as ordered, then take every message and remember it.

    Orders and messages are kept in Valkey, because the test and the worker are two processes.
    """

    @classmethod
    def order(cls, *, failures: int = 1, retryable: bool = True) -> None:
        """Make the next sends fail, after those that were ordered before."""
        valkey().rpush(_ORDERS, *["later" if retryable else "never"] * failures)

    @classmethod
    def reset(cls) -> None:
        """Forget all orders and messages."""
        valkey().delete(_ORDERS, _SENT)

    @classmethod
    def sent(cls) -> list[dict[str, str]]:
        """Return the messages that went through, oldest first."""
        return [json.loads(message) for message in valkey().lrange(_SENT, 0, -1)]

    def send(self, *, channel: Channel, to: str, text: str, reference: str) -> str:
        """Carry out the next order, or take the message when there is none."""
        order = valkey().lpop(_ORDERS)
        if order is not None:
            raise CarrierError("The practice carrier was told to fail.", retryable=order == b"later")
        message = {"channel": channel, "to": to, "text": text, "reference": reference}
        return f"practice-{valkey().rpush(_SENT, json.dumps(message))}"
