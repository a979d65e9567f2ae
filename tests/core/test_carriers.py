import datetime as dt
import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from plivo.rest import client as plivo_sdk

from console.core import carriers
from console.core.carriers import (
    CarrierError,
    DevInboxCarrier,
    FailingCarrier,
    PlivoCarrier,
    TwilioCarrier,
    practice,
    spell_digits,
)
from console.core.carriers import plivo as plivo_module
from console.core.carriers import twilio as twilio_module
from console.core.carriers.plivo import BASE_ADDRESSES
from console.core.carriers.speech import find_speech, seal_speech, speech_xml
from tests.core.carrier_server import carrier_server

TEXT = "Your Patchbay code is 482913."
SPOKEN = "Your Patchbay code is 4, 8, 2, 9, 1, 3."
MESSAGE = {"to": "+31612345642", "text": TEXT, "reference": "r-1"}
NOW = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
FAILURES = [(400, False), (401, False), (403, False), (404, False), (429, True), (500, True), (503, True)]


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.FIELD_KEYS = {"test": b"k" * 32}


@pytest.fixture
def server():
    with carrier_server() as running:
        yield running


@pytest.fixture
def plivo(server, settings, monkeypatch):
    for name in BASE_ADDRESSES:
        monkeypatch.setattr(plivo_sdk, name, getattr(plivo_sdk, name))
    settings.PLIVO_AUTH_ID, settings.PLIVO_AUTH_TOKEN = "MAXXXXXXXXXXXXXXXXXX", "plivo-token"
    settings.PLIVO_SOURCE, settings.PLIVO_BASE_URL = "+15550100", server.url
    settings.PLIVO_ANSWER_URL = "https://console.example/carriers/speech/"
    server.answer = {"message_uuid": ["m-1"], "request_uuid": "c-1", "api_id": "a"}
    return PlivoCarrier()


@pytest.fixture
def twilio(server, settings):
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC123", "twilio-token"
    settings.TWILIO_SOURCE, settings.TWILIO_BASE_URL = "+15550100", server.url
    server.status, server.answer = 201, {"sid": "SM1"}
    return TwilioCarrier()


@pytest.fixture(params=["plivo", "twilio"])
def carrier(request):
    return request.getfixturevalue(request.param)


def form_of(request):
    return {name: values[0] for name, values in parse_qs(request["body"]).items()}


def test_plivo_gets_a_text_on_its_wire(plivo, server):
    assert plivo.send(channel="sms", **MESSAGE) == "m-1"
    assert len(server.requests) == 1
    assert server.last["path"] == "/v1/Account/MAXXXXXXXXXXXXXXXXXX/Message/"
    assert (server.last["scheme"], server.last["login"]) == ("Basic", "MAXXXXXXXXXXXXXXXXXX:plivo-token")
    body = json.loads(server.last["body"])
    assert (body["dst"], body["src"], body["text"], body["log"]) == (
        "+31612345642",
        "+15550100",
        TEXT,
        "false",
    )


def test_plivo_is_told_where_the_words_of_a_call_are(plivo, server):
    assert plivo.send(channel="voice", **MESSAGE) == "c-1"
    assert server.last["path"] == "/v1/Account/MAXXXXXXXXXXXXXXXXXX/Call/"
    body = json.loads(server.last["body"])
    assert (body["to"], body["from"], body["answer_method"]) == ("+31612345642", "+15550100", "GET")
    assert body["answer_url"].startswith("https://console.example/carriers/speech/?speech=")
    assert "482913" not in server.last["body"]
    token = parse_qs(urlsplit(body["answer_url"]).query)["speech"][0]
    assert find_speech(token, now=dt.datetime.now(dt.UTC)) == TEXT


def test_plivo_cannot_call_without_an_answer_address(plivo, server, settings):
    settings.PLIVO_ANSWER_URL = ""
    with pytest.raises(CarrierError, match="PLIVO_ANSWER_URL") as found:
        plivo.send(channel="voice", **MESSAGE)
    assert not found.value.retryable
    assert server.requests == []


def test_twilio_gets_a_text_on_its_wire(twilio, server):
    assert twilio.send(channel="sms", **MESSAGE) == "SM1"
    assert server.last["path"] == "/2010-04-01/Accounts/AC123/Messages.json"
    assert (server.last["scheme"], server.last["login"]) == ("Basic", "AC123:twilio-token")
    assert form_of(server.last) == {"To": "+31612345642", "From": "+15550100", "Body": TEXT}


def test_twilio_gets_the_words_of_a_call(twilio, server):
    server.answer = {"sid": "CA1"}
    assert twilio.send(channel="voice", **MESSAGE) == "CA1"
    assert server.last["path"] == "/2010-04-01/Accounts/AC123/Calls.json"
    form = form_of(server.last)
    assert (form["To"], form["From"]) == ("+31612345642", "+15550100")
    assert f'<Say loop="2">{SPOKEN}</Say>' in form["Twiml"]


@pytest.mark.parametrize("channel", ["sms", "voice"])
@pytest.mark.parametrize(("status", "retryable"), FAILURES)
@pytest.mark.parametrize(
    "answer", [{"error": "refused +31612345642", "message": "refused", "code": 20003}, "<html>"]
)
def test_failures_say_whether_to_try_again(carrier, server, channel, status, retryable, answer):
    server.status, server.answer = status, answer
    with pytest.raises(CarrierError, match=f"answered {status}") as found:
        carrier.send(channel=channel, **MESSAGE)
    assert found.value.retryable is retryable
    assert "+31612345642" not in str(found.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_silence_is_given_up_and_tried_again_later(carrier, server, channel, monkeypatch):
    monkeypatch.setattr(plivo_module, "TIMEOUT", 0.2)
    monkeypatch.setattr(twilio_module, "TIMEOUT", 0.2)
    server.silent = threading.Event()
    with pytest.raises(CarrierError, match="did not answer: ReadTimeout") as found:
        carrier.send(channel=channel, **MESSAGE)
    assert found.value.retryable


def test_absent_carrier_is_tried_again_later(carrier, settings):
    settings.PLIVO_BASE_URL = settings.TWILIO_BASE_URL = "http://127.0.0.1:9"
    with pytest.raises(CarrierError, match="did not answer: ConnectionError") as found:
        carrier.send(channel="sms", **MESSAGE)
    assert found.value.retryable


@pytest.mark.parametrize("answer", [{}, "<html>", "[]"])
def test_unusable_answer_is_not_repeated(carrier, server, answer):
    server.answer = answer
    with pytest.raises(CarrierError) as found:
        carrier.send(channel="sms", **MESSAGE)
    assert not found.value.retryable


def test_missing_credentials_are_an_error_of_ours(carrier, settings, monkeypatch):
    for name in ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        setattr(settings, name, "")
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CarrierError) as found:
        carrier.send(channel="sms", **MESSAGE)
    assert not found.value.retryable


@pytest.mark.parametrize(
    "to", ["", "31612345642", "+31612345642<+31612345643", "+3161234564\n", "+٣١٦١٢٣٤٥٦٤٢"]
)
def test_anything_but_one_number_is_refused(carrier, server, to):
    with pytest.raises(CarrierError, match=r"not one E\.164 number") as found:
        carrier.send(channel="sms", **{**MESSAGE, "to": to})
    assert not found.value.retryable
    assert server.requests == []


stored = []


def store(**message):
    stored.append(message)


def test_dev_inbox_stores_what_is_read_or_heard(settings):
    settings.DEV_INBOX_STORE = f"{__name__}.store"
    stored.clear()
    assert DevInboxCarrier().send(channel="sms", **MESSAGE) == "inbox-r-1"
    DevInboxCarrier().send(channel="voice", **{**MESSAGE, "text": "Hello."})
    DevInboxCarrier().send(channel="voice", **MESSAGE)
    assert [(message["channel"], message["text"], message["code"]) for message in stored] == [
        ("sms", TEXT, "482913"),
        ("voice", "Hello.", ""),
        ("voice", SPOKEN, "482913"),
    ]
    assert stored[0]["reference"] == "r-1"


class ListStore:
    """The four list commands of Valkey that the practice carrier uses."""

    def __init__(self):
        self.lists = {}

    def rpush(self, name, *values):
        kept = self.lists.setdefault(name, [])
        kept.extend(value.encode() for value in values)
        return len(kept)

    def lpop(self, name):
        return self.lists[name].pop(0) if self.lists.get(name) else None

    def lrange(self, name, start, end):
        return self.lists.get(name, [])

    def delete(self, *names):
        for name in names:
            self.lists.pop(name, None)


def test_practice_carrier_fails_on_command_then_delivers(monkeypatch):
    store = ListStore()
    monkeypatch.setattr(practice, "valkey", lambda: store)
    FailingCarrier.order(failures=2)
    FailingCarrier.order(retryable=False)
    outcomes = []
    for _ in range(3):
        with pytest.raises(CarrierError) as found:
            FailingCarrier().send(channel="sms", **MESSAGE)
        outcomes.append(found.value.retryable)
    assert outcomes == [True, True, False]
    assert FailingCarrier().send(channel="sms", **MESSAGE) == "practice-1"
    assert FailingCarrier.sent() == [{"channel": "sms", **MESSAGE}]
    FailingCarrier.reset()
    assert FailingCarrier.sent() == []


def test_digits_of_codes_are_spelled_and_others_kept():
    assert spell_digits(TEXT) == SPOKEN
    assert spell_digits("It works for 10 minutes.") == "It works for 10 minutes."


def test_speech_is_escaped_and_said_twice():
    xml = speech_xml('A & B <say> 1234"', tag="Speak")
    assert xml.startswith(
        '<?xml version="1.0" encoding="UTF-8"?><Response><Speak loop="2">A &amp; B &lt;say&gt; 1, 2, 3, 4'
    )


def test_speech_token_opens_for_ten_minutes():
    token = seal_speech(TEXT, now=NOW)
    assert find_speech(token, now=NOW + dt.timedelta(minutes=10)) == TEXT
    assert find_speech(token, now=NOW + dt.timedelta(minutes=10, seconds=1)) is None


def test_altered_speech_token_says_nothing():
    token = seal_speech(TEXT, now=NOW)
    flipped = token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:]
    for bad in ("", "x", "é", token[:-4], flipped, "A" * 5_000, "A" * 80, token + "=="):
        assert find_speech(bad, now=NOW) is None


def test_every_backend_can_be_named_in_the_settings():
    for name in ("DevInboxCarrier", "PlivoCarrier", "TwilioCarrier", "FailingCarrier"):
        assert callable(getattr(carriers, name)().send)
