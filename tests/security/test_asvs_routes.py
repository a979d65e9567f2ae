"""Walk every address: methods, prefetchers, cookies, headers, hosts and exempt views (ASVS V3, V4, V13)."""

import hashlib
import itertools
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import EmailLink
from accounts.services import links
from accounts.services.activation import make_activation_link
from accounts.services.not_me import make_not_me_link
from accounts.services.password import make_reset_link
from console.core.access import find_access
from console.core.permissions import Gate
from tests.accounts.api_caller import Api
from tests.architecture.routes import arguments_of, console_routes
from tests.factories import make_authenticator, make_token, make_user
from tests.security.steps import enter_password

ROUTES = console_routes()
METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE")
SAFE = ("GET", "HEAD", "OPTIONS")
# Sessions are not deeds, counters and heartbeats are not data, and a webhook has nothing of ours.
_MAY_CHANGE = {"accounts_session", "core_ratebucket", "core_heartbeat", "devinbox_devmessage"}
# Views that take a POST without the form's token, and what they ask for instead.
EXEMPT = {
    "accounts.views.leaks.view",
    "billing.api.stripe.stripe_webhook",
    "billing.api.usage.usage_intake",
    "billing.views.alert_recipients.stop",
    "console.core.api.view",
    "console.core.api.unknown_path",
    "console.core.health.csp_report",
    "security.views.confirm.confirm",
    "security.views.confirm.confirm_send",
    "security.views.scim_kernel.view",
    "security.views.passkeys.confirm_passkey_options",
    "security.views.sso_sign_in.sso_acs",
}


def _address(route, account):
    return reverse(route.name, kwargs=arguments_of(route, account.auth_id))


def batched(rows, size):
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _state():
    """Return a checksum of the rows of each table."""
    sums = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" AS t ORDER BY 1')
            rows = "\n".join(row for (row,) in cursor.fetchall())
            sums[table] = hashlib.sha256(rows.encode()).hexdigest()
    return {table: value for table, value in sums.items() if table not in _MAY_CHANGE}


# --- A prefetcher opens everything


@pytest.mark.parametrize("who", ["anonymous", "owner", "signing in"])
def test_safe_methods_change_no_row(client, cast, who):
    make_token(cast.account)
    make_authenticator(cast.owner)
    if who == "signing in":
        enter_password(client, cast.owner)
    else:
        cast.sign_in(client, who)
    before = _state()
    for some in batched(ROUTES, 30):
        for route, method in itertools.product(some, SAFE):
            client.generic(method, _address(route, cast.account))
        assert _state() == before, [route.name for route in some]


@pytest.mark.parametrize(
    ("make", "route"),
    [
        (make_activation_link, "accounts:activate_link"),
        (make_reset_link, "accounts:password_reset_open"),
        (lambda *, user, now: make_not_me_link(user=user, device=None, now=now), "accounts:not_me_open"),
    ],
    ids=["activation", "reset", "not me"],
)
def test_mailed_link_survives_a_scanner_and_leaves_the_address_bar(db, make, route):
    user = make_user(email_verified_at=None if make is make_activation_link else timezone.now())
    token = links.token_of(make(user=user, now=timezone.now()))
    address = reverse(route, kwargs={"token": token})
    before = _state()
    for _ in range(3):
        scanner = Client()
        for method in SAFE:
            scanner.generic(method, address, follow=True)
    assert _state() == before
    answer = Client().get(address)
    assert answer.status_code == 302
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert token not in answer.url


KINDS = {
    EmailLink.Purpose.ACTIVATE: "accounts:activate_link",
    EmailLink.Purpose.RESET: "accounts:password_reset_open",
    EmailLink.Purpose.NOT_ME: "accounts:not_me_open",
}


@pytest.mark.parametrize("purpose", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_link_of_one_kind_opens_nothing_of_another(db, cast, purpose, other):
    makers = {
        EmailLink.Purpose.ACTIVATE: make_activation_link,
        EmailLink.Purpose.RESET: make_reset_link,
        EmailLink.Purpose.NOT_ME: lambda **facts: make_not_me_link(device=None, **facts),
    }
    token = links.token_of(makers[purpose](user=cast.owner, now=timezone.now()))
    answer = Client().get(reverse(KINDS[other], kwargs={"token": token}), follow=True)
    assert (answer.status_code == 200) is (purpose == other)
    # Nor is a link a session, or a key of the API.
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = token
    assert browser.get("/").url.startswith("/sign-in/")
    assert Api(cast.account.auth_id, token).ask().status_code == 401


# --- Methods


@pytest.mark.parametrize("who", ["anonymous", "owner"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_route_refuses_other_methods_and_says_which_it_takes(client, cast, route, who):
    cast.sign_in(client, who)
    for method in METHODS:
        response = client.generic(
            method, _address(route, cast.account), headers={"X-HTTP-Method-Override": "POST"}
        )
        assert response.status_code < 500 or route.name == "health_ready"
        if response.status_code == 405:
            assert method not in response.headers["Allow"].split(", ")
        if method == "TRACE":
            assert response.status_code >= 300


# --- Exempt views


def test_exempt_views_are_a_closed_list():
    found = {
        f"{route.view.__module__}.{route.view.__name__}"
        for route in ROUTES
        if getattr(route.view, "csrf_exempt", False)
    }
    assert found == EXEMPT


def test_exempt_view_is_nobody_with_a_session_cookie_alone(cast):
    browser = Client(enforce_csrf_checks=True)
    cast.sign_in(browser, "owner")
    before = _state()
    for route in ROUTES:
        if not getattr(route.view, "csrf_exempt", False):
            continue
        response = browser.post(_address(route, cast.account), {"name": "Evil"})
        assert response.status_code in {401, 403, 404, 405, 204, 400}, route.name
    assert _state() == before


@pytest.mark.parametrize("who", ["anonymous", "owner"])
def test_every_other_post_needs_the_forms_token(cast, who):
    browser = Client(enforce_csrf_checks=True)
    cast.sign_in(browser, who)
    before = _state()
    for route in ROUTES:
        if getattr(route.view, "csrf_exempt", False) or find_access(route.view).right is Gate.MACHINE:
            continue
        for token in ("", "x" * 64):
            response = browser.post(_address(route, cast.account), {"csrfmiddlewaretoken": token})
            assert response.status_code in {403, 404, 405}, route.name
    assert _state() == before


# --- Headers and cookies


def _answers(client, cast):
    for route in ROUTES:
        yield route.name, client.get(_address(route, cast.account))
    for status, path in {404: "/nowhere/", 405: "/sign-out/"}.items():
        response = client.get(path)
        assert response.status_code == status
        yield path, response
    yield "413", client.post("/sign-in/", b"x" * 3_000_000, content_type="text/plain")
    yield "400", client.get("/sign-in/", headers={"Host": "evil.test"})


@pytest.mark.parametrize("who", ["anonymous", "owner"])
def test_every_answer_carries_the_headers_and_opens_no_door(client, cast, who):
    cast.sign_in(client, who)
    client.defaults["HTTP_ORIGIN"] = "https://evil.test"
    for name, response in _answers(client, cast):
        headers = response.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert "unsafe" not in policy, name
        assert "http:" not in policy, name
        assert headers["X-Content-Type-Options"] == "nosniff", name
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", name
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", name
        assert "no-store" in headers["Cache-Control"], name
        assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}, name
        assert not [each for each in headers if each.lower().startswith("access-control-")], name
        kind = headers.get("Content-Type", "")
        assert not kind.startswith("text/") or "charset=utf-8" in kind, name


def test_every_cookie_is_closed_to_scripts(client, cast):
    client.get("/sign-in/")
    client.post("/theme/", {"theme": "dark"})
    enter_password(client, cast.owner)
    assert {"session", "csrf", "theme"} <= set(client.cookies)
    for name, cookie in client.cookies.items():
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert cookie["path"] == "/", name
        assert not cookie["domain"], name


# --- Hosts


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test", "evil.test:80", "localhost@evil.test", "a b"]
)
def test_mail_never_takes_its_host_from_the_request(client, cast, host):
    from django.core import mail

    from tests.work import do_work

    assert client.post("/reset/", {"email": cast.owner.email}, headers={"Host": host}).status_code == 400
    forged = {"X-Forwarded-Host": host, "X-Host": host, "Forwarded": f"host={host}", "X-Real-IP": host}
    client.post("/reset/", {"email": cast.owner.email}, headers=forged)
    do_work()
    (message,) = mail.outbox
    assert "evil" not in message.body
    assert re.search(rf"{re.escape(settings.BASE_URL)}/reset/", message.body)


# --- Production


_PRODUCTION = """
import django
from django.conf import settings
django.setup()
from console.core.routes import iter_routes
patterns = [route.pattern for route in iter_routes()]
assert len(patterns) > 50 and not [each for each in patterns if each.startswith("dev/")]
assert not [app for app in settings.INSTALLED_APPS if app in ("console.devinbox", "console.demo")]
assert settings.DEBUG is False
assert "Argon2" in settings.PASSWORD_HASHERS[0]
for cookie in ("SESSION", "CSRF", "DEVICE", "THEME"):
    assert getattr(settings, cookie + "_COOKIE_NAME").startswith("__Host-")
for cookie in ("SESSION", "CSRF"):
    assert getattr(settings, cookie + "_COOKIE_SECURE") and getattr(settings, cookie + "_COOKIE_HTTPONLY")
    assert getattr(settings, cookie + "_COOKIE_SAMESITE") == "Lax"
assert "InboxBackend" not in settings.EMAIL_BACKEND and "Inbox" not in settings.TEXT_CARRIER
for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL"):
    assert repr(getattr(settings, name)) == "<secret>", name
print("sound")
"""


def test_production_has_no_development_parts():
    kept = {
        name: os.environ[name] for name in ("PATH", "SECRET_KEY", "FIELD_KEYS", "DATABASE_URL", "REDIS_URL")
    }
    environment = kept | {
        "CONSOLE_PROFILE": "production",
        "BASE_URL": "https://console.example",
        "ALLOWED_HOSTS": "console.example",
        "DJANGO_SETTINGS_MODULE": "console.settings",
        "DEBUG": "yes",
        "DATABASE_POOL": "no",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PRODUCTION],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "sound", done.stderr[-2000:]
