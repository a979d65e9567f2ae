"""Every form and every address stands whatever is typed into it: an answer with a message, never a 500."""

import re
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from urllib.parse import quote_plus

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import EmailLink, SignInTries
from accounts.services import links
from console.core.access import find_access
from console.core.models import RateBucket
from console.core.permissions import Gate
from tests.architecture.routes import arguments_of, console_routes
from tests.factories import make_authenticator, make_token, make_user
from tests.security.steps import enter_password, settle
from tests.work import newest_code

EVIL = {
    "nothing": b"",
    "nul": b"a\x00b",
    "surrogate": b"\xed\xa0\x80",
    "broken-utf8": b"\xff\xfe\x80",
    "bidi": "\u202eevil\u2066".encode(),
    "header": b"Ann\r\nBcc: eve@elsewhere.example",
    "html": b"<script>alert(1)</script>'\"{{7*7}}${7*7}",
    "digits": "٣٤٥٦٧٨".encode(),
    "superscript": "²³½Ⅷ".encode(),
    "number": b"-99999999999999999999999999999999999999",
    "astral": "🏴󠁧󠁢󠁥󠁮󠁧󠁿".encode() * 50,
    "combining": b"a" + "\u0301".encode() * 5000,
    "path": b"//elsewhere.example/\\..%2f..%00",
    "megabyte": b"x" * 1_000_000,
}
ROUTES = console_routes()
_IN_A_QUERY = ["nul", "surrogate", "header", "superscript", "path"]
QUERY_NAMES = [
    "next",
    "page",
    "again",
    "q",
    "channel",
    "method",
    "country",
    "number",
    "email",
    "act",
    "token",
]


class _Forms(HTMLParser):
    """Collect the forms of a page: address, and names with their values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._open = False
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        if tag == "form":
            self._open = (facts.get("method") or "").lower() == "post"
            if self._open:
                self.found.append((facts.get("action") or "", {}))
        elif self._open and facts.get("name") and facts["name"] != "csrfmiddlewaretoken":
            self._note(tag, facts)
        elif self._open and tag == "option" and "selected" in facts and self._select:
            self.found[-1][1][self._select] = facts.get("value") or ""

    def _note(self, tag, facts):
        is_choice = facts.get("type") in {"radio", "checkbox"}
        self._select = facts["name"] if tag == "select" else ""
        value = facts.get("value") or ""
        if is_choice and "checked" not in facts:
            self.found[-1][1].setdefault(facts["name"], value)
            return
        self.found[-1][1][facts["name"]] = value

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = False


def _body(values: dict[str, str], names: list[str], evil: bytes) -> bytes:
    pairs = [(key, value.encode()) for key, value in values.items() if key not in names]
    return b"&".join(
        f"{quote_plus(key)}={quote_plus(value)}".encode()
        for key, value in [*pairs, *((name, evil) for name in names)]
    )


def _attempts(values: dict[str, str]) -> Iterator[tuple[list[str], str]]:
    """Yield which fields get which value: every value in all fields together, and a quarter of them in each alone."""
    names = [*values, "unheard-of"]
    yield from ((names, kind) for kind in EVIL)
    for turn, name in enumerate(names):
        yield from (([name], kind) for kind in list(EVIL)[turn % 4 :: 4])


def _send(client, address, body):
    RateBucket.objects.all().delete()
    SignInTries.objects.all().delete()
    return client.post(address, body, content_type="application/x-www-form-urlencoded")


def _sound(response):
    """Say whether the answer is an answer, and gives nothing of ours to another host."""
    to = response.headers.get("Location", "")
    is_ours = not to or (to.startswith("/") and not re.match(r"/[/\\]", to))
    return response.status_code < 500 and is_ours and "\n" not in "".join(response.headers.values())


def _attack(client, arrange, page):
    """Send evil values in every field of every form on the page; return what broke, and how many went."""
    arrange(client)
    answer = client.get(page)
    # A file that streams holds no form.
    forms = [] if answer.streaming else _Forms(answer.content.decode()).found
    broken, sent = [], 0
    for action, values in forms:
        if "/sign-out/" in action:
            continue
        for names, kind in _attempts(values):
            arrange(client)
            response = _send(client, action or page, _body(values, names, EVIL[kind]))
            sent += 1
            if not _sound(response):
                broken.append((action, names, kind, response.status_code))
    return broken, sent


@pytest.fixture
def client(client):
    client.raise_request_exception = False
    return client


def _nobody(client):
    client.cookies.clear()


def _with_link(purpose, route):
    def arrange(client):
        client.cookies.clear()
        EmailLink.objects.all().delete()
        user = make_user()
        if purpose == EmailLink.Purpose.RESET:
            from accounts.services.password import make_reset_link

            link = make_reset_link(user=user, now=timezone.now())
        else:
            from accounts.services.activation import make_activation_link

            link = make_activation_link(user=user, now=timezone.now())
        client.get(reverse(route, kwargs={"token": links.token_of(link)}))

    return arrange


def _typed_address(client):
    client.cookies.clear()
    _send(client, "/sign-in/", b"email=nobody@halyard.example")


PUBLIC = {
    "/sign-up/": _nobody,
    "/sign-in/": _nobody,
    "/sign-in/password/": _typed_address,
    "/reset/": _nobody,
    "/activate/new-link/": _nobody,
    "/reset/new/": _with_link(EmailLink.Purpose.RESET, "accounts:password_reset_open"),
    "/activate/": _with_link(EmailLink.Purpose.ACTIVATE, "accounts:activate_link"),
}


@pytest.mark.parametrize("page", PUBLIC)
def test_public_form_stands_every_value(client, db, page):
    broken, sent = _attack(client, PUBLIC[page], page)
    assert sent >= len(EVIL)
    assert broken == []


def _sign_in_as(**fields):
    def arrange(client):
        client.cookies.clear()
        RateBucket.objects.all().delete()
        SignInTries.objects.all().delete()
        user = make_user(**fields)
        if fields.get("phone") != "":
            make_authenticator(user)
            settle(user)
        enter_password(client, user)

    return arrange


def _onboarding(client):
    _sign_in_as(phone="", phone_verified_at=None)(client)


def _asked(client):
    _onboarding(client)
    client.post("/welcome/phone/", {"country": "NL", "number": "06 12345678"})


def _choosing(client):
    _asked(client)
    client.post("/welcome/phone/code/", {"code": newest_code("+31612345678")})


UNFINISHED = {
    "/welcome/phone/": _onboarding,
    "/welcome/phone/code/": _asked,
    "/welcome/second-factor/": _choosing,
    "/welcome/authenticator/phone/": _choosing,
    "/sign-in/second-factor/app/": _sign_in_as(),
    "/sign-in/second-factor/phone/": _sign_in_as(),
    "/sign-in/second-factor/recovery/": _sign_in_as(),
}


@pytest.mark.parametrize("page", UNFINISHED)
def test_form_on_the_way_in_stands_every_value(client, db, page):
    broken, sent = _attack(client, UNFINISHED[page], page)
    assert sent >= len(EVIL)
    assert broken == []


def _account_pages():
    """Name the pages of an account that are built from the Auth ID alone."""
    return [route for route in ROUTES if route.arguments == ("account",)]


@pytest.mark.parametrize("route", _account_pages(), ids=lambda route: route.name)
def test_account_form_stands_every_value(client, cast, route):
    make_token(cast.account)
    page = reverse(route.name, kwargs={"account": cast.account.auth_id})
    # Forms that ask "confirm it's you" hold what was sent, and are asked in both states.
    for is_confirmed in [True, False] if find_access(route.view).recent_auth else [True]:
        sign_in = partial(cast.sign_in, who="owner", confirmed=is_confirmed)
        broken, _ = _attack(client, sign_in, page)
        assert broken == []


def test_confirmation_stands_every_value(client, cast):
    make_authenticator(cast.owner)
    settle(cast.owner)
    cast.sign_in(client, "owner", confirmed=False)
    make = reverse("accounts:credential_make", kwargs={"account": cast.account.auth_id})
    held = client.post(make, {"revoke": "never"}).url
    for method in ("app/", "phone/", "password/", "recovery/"):
        broken, sent = _attack(client, lambda client: None, held + method)
        assert sent >= len(EVIL)
        assert broken == []


@pytest.mark.parametrize("who", ["anonymous", "owner"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_address_stands_every_query_and_every_body(client, cast, route, who):
    cast.sign_in(client, who)
    address = reverse(route.name, kwargs=arguments_of(route, cast.account.auth_id))
    may_fail = {503} if route.name == "health_ready" else set()
    broken = []
    for kind in _IN_A_QUERY:
        evil = EVIL[kind]
        query = "&".join(f"{name}={quote_plus(evil)}" for name in [*QUERY_NAMES, *QUERY_NAMES])
        answers = [client.get(f"{address}?{query}"), _send(client, f"{address}?{query}", query.encode())]
        if who == "owner" and find_access(route.view).right is Gate.PUBLIC:
            cast.sign_in(client, who)
        broken += [
            (kind, answer.status_code)
            for answer in answers
            if not _sound(answer) and answer.status_code not in may_fail
        ]
    assert broken == []


@pytest.mark.parametrize("evil", [value for kind, value in EVIL.items() if kind != "megabyte"])
def test_strange_addresses_and_headers_are_answered(client, cast, evil):
    text = evil.decode("latin-1")
    cast.sign_in(client, "owner")
    for path in (f"/{quote_plus(evil)}/", f"/reset/{quote_plus(evil)}/", f"/v1/Account/{quote_plus(evil)}/"):
        assert _sound(client.get(path))
    for name in (
        "User-Agent",
        "Referer",
        "Origin",
        "X-Forwarded-For",
        "Authorization",
        "Accept",
        "HX-Request",
    ):
        assert _sound(client.get("/sign-in/", headers={name: text}))
        assert _sound(client.post("/sign-in/", {"email": "a@halyard.example"}, headers={name: text}))
    for cookie in ("session", "csrf", "device", "theme"):
        client.cookies.clear()
        response = client.get("/sign-in/", headers={"Cookie": f"{cookie}={text}"})
        assert _sound(response)


@pytest.mark.parametrize("length", ["²", "-1", "1e3", "x", "+5", "0x10", " "])
def test_unreadable_length_is_refused(client, db, length):
    assert client.post("/sign-in/", {}, CONTENT_LENGTH=length).status_code in {413, 422}
