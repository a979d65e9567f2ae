"""Plant secrets in a journey, then look for them wherever they must not be (ASVS 6.5.2, 14.2.1, 16.2.5)."""

import base64
import json
import logging
import re
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.sessions.serializers import JSONSerializer
from django.core import mail, signing
from django.db import connection
from django.urls import reverse

from accounts.models import Account, Credential, Session
from console.core.logs import JsonFormatter
from console.core.ratelimit import valkey
from tests.accounts.api_caller import Api
from tests.factories import make_user
from tests.security.steps import app_code, shown_key
from tests.work import do_work, newest_code

EMAIL, NUMBER = "canary@halyard.example", "+31612345678"
FIRST, SECOND = "violet kettle argues at dawn", "amber lantern sings by noon"
WRONG = "umber biscuit leaves at dusk"
TOKEN = re.compile(r"pbt_\w{42}")


class Journey:
    """A person who signs up, signs in again, resets the password and calls the API, with every secret noted."""

    def __init__(self, client):
        self.client = client
        self.secrets: dict[str, str] = {"password": FIRST, "new password": SECOND, "wrong password": WRONG}

    def note(self, name, secret):
        self.secrets[name] = secret
        return secret

    def note_cookies(self, step):
        for name in (settings.SESSION_COOKIE_NAME, settings.DEVICE_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
            if name in self.client.cookies and self.client.cookies[name].value:
                self.note(f"{name} cookie at {step}", self.client.cookies[name].value)

    def link(self, kind):
        do_work()
        bodies = [message.body for message in mail.outbox if f"/{kind}/" in message.body]
        token = re.search(rf"/{kind}/([\w:.-]+)/", bodies[-1]).group(1)
        return f"/{kind}/{self.note(f'{kind} link', token)}/"

    def post(self, address, **values):
        response = self.client.post(address, values)
        self.note_cookies(address)
        return response

    def code(self, name):
        return self.note(name, newest_code(NUMBER))

    def sign_up(self):
        form = self.client.get("/sign-up/").content.decode()
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        names = {"full_name": "Cana Ry", "company_name": "Halyard", "terms": "on"}
        self.post("/sign-up/", **hidden, **names, email=EMAIL, password=FIRST)
        self.client.get(self.link("activate"))
        self.note_cookies("link")
        self.post("/activate/")
        self.post("/welcome/phone/", country="NL", number="06 12345678")
        self.post("/welcome/phone/code/", code=self.code("phone code"))

    def enrol(self):
        self.post("/welcome/authenticator/phone/send/")
        self.post("/welcome/authenticator/phone/", code=self.code("phone code before the app"))
        page = self.client.get("/welcome/authenticator/")
        seed = shown_key(page)
        self.note("seed", base64.b32encode(seed).decode())
        self.note("seed in hex", seed.hex())
        self.post("/welcome/authenticator/", code=self.note("app code", app_code(seed)))
        self.post("/welcome/recovery-codes/")
        shown = self.client.get("/welcome/recovery-codes/").content.decode()
        codes = set(re.findall(r"(?:[a-z2-9]{4}-){5}[a-z2-9]{4}", shown))
        assert len(codes) == settings.CONSOLE_RECOVERY_CODES
        for number, code in enumerate(codes):
            self.note(f"recovery code {number}", code)
        self.post("/welcome/recovery-codes/", kept="on")
        return seed

    def make_token(self):
        account = Account.objects.get()
        page = reverse("accounts:credential_make", kwargs={"account": account.auth_id})
        form_id = re.search(r'name="form_id" value="([\w-]+)"', self.client.get(page).content.decode())
        shown = self.post(page, form_id=form_id.group(1), revoke="never").content.decode()
        api = Api(account.auth_id, self.note("Auth Token", TOKEN.search(shown).group()))
        self.note("Basic header", api.header.removeprefix("Basic "))
        assert api.ask().status_code == 200
        assert Api(api.auth_id, self.note("wrong token", "pbt_" + "w" * 42)).ask().status_code == 401
        return api

    def reset(self):
        self.post("/sign-out/")
        self.post("/sign-in/", email=EMAIL)
        self.post("/sign-in/password/", username=EMAIL, password=WRONG)
        self.post("/reset/", email=EMAIL)
        self.client.get(self.link("reset"))
        self.note_cookies("reset link")
        self.post("/reset/new/", password=SECOND)
        self.post("/sign-in/password/", username=EMAIL, password=SECOND)


@pytest.fixture
def lines(caplog):
    """Return what the log stream would hold, at its most talkative."""
    caplog.set_level(logging.DEBUG)

    def read():
        records = [*caplog.get_records("setup"), *caplog.get_records("call")]
        return "\n".join(JsonFormatter().format(record) for record in records)

    return read


@pytest.fixture
def journey(client, db, django_capture_on_commit_callbacks, lines):
    client.raise_request_exception = False
    walked = Journey(client)
    with django_capture_on_commit_callbacks(execute=True):
        walked.sign_up()
        walked.enrol()
        walked.make_token()
        walked.reset()
    assert len(walked.secrets) > 30, sorted(walked.secrets)
    return walked


def _rows():
    """Return every row of every table as text; the dev inbox shows messages on purpose and is left out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall() if not name.startswith("devinbox_")]
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            yield table, "\n".join(row for (row,) in cursor.fetchall())
    # Session data is packed, not sealed: unpack it as a thief of the table would.
    for row in Session.objects.all():
        salt = "django.contrib.sessions.SessionStore"
        data = signing.loads(row.session_data, salt=salt, serializer=JSONSerializer)
        yield "session data", json.dumps(data)


def _spellings(secret):
    return {
        secret,
        secret.replace("-", ""),
        quote(secret),
        secret.encode().hex(),
        base64.b64encode(secret.encode()).decode().rstrip("="),
    }


def _found(secrets, text):
    """Name the secrets in the text; six digits are looked for as a word, since any number may hold them."""
    for name, secret in secrets.items():
        for spelling in _spellings(secret):
            pattern = rf"(?<![\w.:+-]){spelling}(?![\w.:-])" if spelling.isdigit() else re.escape(spelling)
            if re.search(pattern, text):
                yield name


def test_no_row_holds_a_secret(journey):
    # Cookies: the CSRF secret has no row, and the device and session keys only their digests.
    found = {(table, name) for table, text in _rows() for name in _found(journey.secrets, text)}
    assert found == set()


def test_opened_link_leaves_no_token_in_its_session(client, db):
    walked = Journey(client)
    make_user(EMAIL, email_verified_at=None)
    walked.client.post("/activate/new-link/", {"email": EMAIL})
    walked.client.get(walked.link("activate"))
    make_user("other@halyard.example")
    walked.client.post("/reset/", {"email": "other@halyard.example"})
    walked.client.get(walked.link("reset"))
    assert {(table, name) for table, text in _rows() for name in _found(walked.secrets, text)} == set()


def test_no_log_line_holds_a_secret(journey, lines):
    written = lines()
    assert "request" in written
    assert set(_found(journey.secrets, written)) == set()


def test_valkey_and_the_broker_hold_ids_only(journey):
    store = valkey()
    held = []
    for key in store.scan_iter():
        kind = store.type(key)
        read = {
            b"string": store.get,
            b"list": lambda name: store.lrange(name, 0, -1),
            b"hash": store.hgetall,
            b"set": store.smembers,
            b"zset": lambda name: store.zrange(name, 0, -1),
        }[kind]
        held.append(f"{key!r} {read(key)!r}")
    text = "\n".join(held)
    assert "celery" in text
    for body in re.findall(r'"body": "([\w+/=]+)"', text):
        _, arguments, _ = json.loads(base64.b64decode(body))
        assert all(isinstance(value, int) for value in arguments.values()), arguments
        text += json.dumps(arguments)
    assert set(_found(journey.secrets, text)) == set()
    assert EMAIL not in text
    assert NUMBER not in text


def test_error_in_the_middle_of_a_secret_act_tells_nothing(journey, lines, monkeypatch):
    """Break what stands behind a form while it works with a secret."""
    broken = [
        (
            "accounts.views.sign_in.check_password",
            "/sign-in/password/",
            {"username": EMAIL, "password": SECOND},
        ),
        ("accounts.services.password.request_reset", "/reset/", {"email": EMAIL}),
    ]

    def fail(**facts):
        raise RuntimeError(f"planted with {facts}")

    for target, address, values in broken:
        monkeypatch.setattr(target, fail)
        journey.client.post("/sign-in/", {"email": EMAIL})
        response = journey.client.post(address, values)
        assert response.status_code == 500
        assert "planted" not in response.content.decode()
        assert set(_found(journey.secrets, response.content.decode())) == set()
    written = lines()
    assert "RuntimeError" in written
    assert set(_found(journey.secrets, written)) == set()


def test_api_error_tells_nothing(journey, lines, monkeypatch):
    api = Api(Account.objects.get().auth_id, journey.secrets["Auth Token"])
    api.client.raise_request_exception = False

    def fail(call):
        raise RuntimeError(f"planted with {api.token}")

    monkeypatch.setattr("console.core.api.read_arguments", lambda request, fields: fail(request))
    response = api.ask()
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/json"
    assert "planted" not in response.content.decode()
    assert set(_found(journey.secrets, lines())) == set()


def test_mails_carry_no_password_code_or_token(journey):
    do_work()
    links = {"activate link", "reset link"}
    secrets = {name: secret for name, secret in journey.secrets.items() if name not in links}
    for message in mail.outbox:
        html = "".join(str(part) for part, _ in message.alternatives)
        assert set(_found(secrets, f"{message.subject}\n{message.body}\n{html}")) == set()
    assert Credential.objects.count() == 1
