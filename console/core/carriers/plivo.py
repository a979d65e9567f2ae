"""Send through Plivo, with its own SDK."""

import requests
from django.conf import settings
from django.utils import timezone
from plivo import RestClient
from plivo.exceptions import PlivoRestError
from plivo.rest import client as sdk

from console.core.carriers.base import (
    BAD_REQUEST,
    TIMEOUT,
    CarrierError,
    Channel,
    check_number,
    refusal,
    unreachable,
)
from console.core.carriers.speech import seal_speech

BASE_ADDRESSES = (
    "PLIVO_API_BASE_URI",
    "API_VOICE_BASE_URI",
    "API_VOICE_BASE_URI_FALLBACK_1",
    "API_VOICE_BASE_URI_FALLBACK_2",
)
# The SDK repeats a call at two more addresses after a 5xx. All are one host, and a phone that rings
# three times is worse than a retry of ours, so its counter starts where it gives up.
LAST_VOICE_TRY = 2


class PlivoCarrier:
    """Send text messages and spoken calls through Plivo."""

    def send(self, *, channel: Channel, to: str, text: str, reference: str) -> str:
        """Send the message and return Plivo's id of it.

        :raises CarrierError: if Plivo did not take it
        """
        check_number(to)
        statuses: list[int] = []
        try:
            with self._client(statuses) as client:
                return _call(client, to, text) if channel == "voice" else _text(client, to, text)
        except requests.RequestException as error:
            raise unreachable("Plivo", error) from error
        except (PlivoRestError, AttributeError, LookupError, TypeError) as error:
            if statuses and statuses[-1] >= BAD_REQUEST:
                raise refusal("Plivo", statuses[-1]) from error
            raise CarrierError("Plivo's SDK or answer was not usable.", retryable=False) from error

    def _client(self, statuses: list[int]) -> RestClient:
        if settings.PLIVO_BASE_URL:
            # The SDK reads these constants at every request and ignores the client's own base_uri.
            for name in BASE_ADDRESSES:
                setattr(sdk, name, f"{settings.PLIVO_BASE_URL.rstrip('/')}/v1/Account")
        client = RestClient(settings.PLIVO_AUTH_ID, str(settings.PLIVO_AUTH_TOKEN), timeout=TIMEOUT)
        client.session.hooks["response"].append(lambda answer, **_: statuses.append(answer.status_code))
        return client


def _text(client: RestClient, to: str, text: str) -> str:
    # With log off Plivo does not keep the words, and the code in them, in its message log.
    answer = client.messages.create(src=settings.PLIVO_SOURCE, dst=to, text=text, log="false")
    return str(answer.message_uuid[0])


def _call(client: RestClient, to: str, text: str) -> str:
    if not settings.PLIVO_ANSWER_URL:
        raise CarrierError("PLIVO_ANSWER_URL is not set, so Plivo can't make calls.", retryable=False)
    client.voice_retry_count = LAST_VOICE_TRY
    client.base_uri = sdk.API_VOICE_BASE_URI
    separator = "&" if "?" in settings.PLIVO_ANSWER_URL else "?"
    script = f"{settings.PLIVO_ANSWER_URL}{separator}speech={seal_speech(text, now=timezone.now())}"
    answer = client.calls.create(settings.PLIVO_SOURCE, to, script, answer_method="GET")
    return str(answer.request_uuid)
