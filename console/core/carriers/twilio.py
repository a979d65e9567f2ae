"""Send through Twilio, with its own SDK."""

from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from console.core.carriers.base import (
    BAD_REQUEST,
    TIMEOUT,
    CarrierError,
    Channel,
    check_number,
    refusal,
    unreachable,
)
from console.core.carriers.speech import speech_xml


class HttpClient(TwilioHttpClient):
    """Keep the last status, and send to another host when the settings name one."""

    last_status = 0

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Response:
        """Make the request and note the status of the answer."""
        if settings.TWILIO_BASE_URL:
            url = settings.TWILIO_BASE_URL.rstrip("/") + urlsplit(url).path
        answer = super().request(method, url, *arguments, **options)
        self.last_status = answer.status_code
        return answer


class TwilioCarrier:
    """Send text messages and spoken calls through Twilio."""

    def send(self, *, channel: Channel, to: str, text: str, reference: str) -> str:
        """Send the message and return Twilio's id of it.

        :raises CarrierError: if Twilio did not take it
        """
        check_number(to)
        http_client = HttpClient(timeout=TIMEOUT)
        try:
            return _send(http_client, channel, to, text)
        except requests.RequestException as error:
            raise unreachable("Twilio", error) from error
        except (TwilioException, AttributeError, ValueError, LookupError, TypeError) as error:
            if http_client.last_status >= BAD_REQUEST:
                raise refusal("Twilio", http_client.last_status) from error
            raise CarrierError("Twilio's SDK or answer was not usable.", retryable=False) from error
        finally:
            http_client.session.close()


def _send(http_client: HttpClient, channel: Channel, to: str, text: str) -> str:
    account, token, source = (
        settings.TWILIO_ACCOUNT_SID,
        str(settings.TWILIO_AUTH_TOKEN),
        settings.TWILIO_SOURCE,
    )
    if not (account and token):
        # Without them the SDK would look into the environment, and then ask without any.
        raise CarrierError("Twilio's credentials are not set.", retryable=False)
    client = Client(account, token, http_client=http_client)
    if channel == "voice":
        sid = client.calls.create(to=to, from_=source, twiml=speech_xml(text, tag="Say")).sid
    else:
        sid = client.messages.create(to=to, from_=source, body=text).sid
    if not sid:
        raise LookupError("sid")
    return str(sid)
