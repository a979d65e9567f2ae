"""Count the mails that strangers can cause, for the whole product: the last stop against a fleet of senders."""

import logging
from datetime import datetime

from django.conf import settings

from console.core.errors import TooManyRequests
from console.core.ratelimit import Limit, spend

_HOUR = 3600
_log = logging.getLogger("console.alarm")


def count_mail(*, now: datetime) -> None:
    """Count one mail; reaching the ceiling is an alarm.

    :raises TooManyRequests: above the ceiling
    """
    limit = Limit("mails", settings.CONSOLE_MAILS_CEILING_HOUR, _HOUR)
    try:
        spend(limit, "all", now=now)
    except TooManyRequests:
        _log.critical("ceiling reached", extra={"ceiling": "mails", "an_hour": limit.count})
        raise
