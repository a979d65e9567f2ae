"""Hand text messages and calls to a carrier; ``TEXT_CARRIER`` names which one."""

from console.core.carriers.base import Carrier, CarrierError, Channel, spell_digits
from console.core.carriers.inbox import DevInboxCarrier
from console.core.carriers.plivo import PlivoCarrier
from console.core.carriers.practice import FailingCarrier
from console.core.carriers.twilio import TwilioCarrier

__all__ = [
    "Carrier",
    "CarrierError",
    "Channel",
    "DevInboxCarrier",
    "FailingCarrier",
    "PlivoCarrier",
    "TwilioCarrier",
    "spell_digits",
]
