"""Leaked tokens: signed reports of scanners, and burning by whoever holds one."""

import base64
import hashlib
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.forms.rules import TokenScannerForm
from accounts.models import Account, ApiIdentity, Credential, TokenScanner
from accounts.services import leaks
from console.core import crypto
from console.core.events import EventKind
from console.core.models import AuditEvent
from tests.accounts.api_caller import Api
from tests.factories import make_account, make_token
from tests.work import do_work

NOW = timezone.now
URL = "https://code.example/halyard/scanner/blob/main/.env"
# From the documentation of GitHub's partner program: a key, a body and its signature.
KNOWN_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq
kCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==
-----END PUBLIC KEY-----"""
KNOWN_BODY = b'[{"token":"some_token","type":"some_type","url":"some_url"}]'
KNOWN_SIGNATURE = (
    "MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc="
)


def pem_of(key):
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


@pytest.fixture
def key(db):
    key = ec.generate_private_key(ec.SECP256R1())
    TokenScanner.objects.create(name="Code Example", key_id="k1", public_key=pem_of(key), reason="Test")
    return key


def signed(key, body):
    return base64.b64encode(key.sign(body, ec.ECDSA(hashes.SHA256()))).decode()


def send(body, signature, *, key_id="k1", kind="application/json", address="198.51.100.7"):
    headers = {"Github-Public-Key-Identifier": key_id, "Github-Public-Key-Signature": signature}
    client = Client(enforce_csrf_checks=True)
    return client.generic(
        "POST", reverse("accounts:api_token_scan"), body, kind, headers=headers, REMOTE_ADDR=address
    )


def report(key, items, **more):
    body = json.dumps(items).encode()
    return send(body, signed(key, body), **more)


def line(token, **more):
    return {"token": token, "type": "patchbay_auth_token", "url": URL, "source": "content"} | more


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


# --- Signatures


def test_signature_of_the_partner_program_is_verified(db):
    TokenScanner.objects.create(name="GitHub", key_id="90a4", public_key=KNOWN_KEY, reason="Partner")
    answer = send(KNOWN_BODY, KNOWN_SIGNATURE, key_id="90a4")
    assert answer.status_code == 200
    assert answer.json() == [
        {"token_hash": digest("some_token"), "token_type": "some_type", "label": "false_positive"}
    ]


@pytest.mark.parametrize(
    "case",
    [
        "changed body",
        "other key",
        "no signature",
        "not base64",
        "not der",
        "unknown key id",
        "no key id",
        "inactive",
        "huge",
    ],
)
def test_report_that_is_not_signed_is_refused_in_the_same_words(cast, key, case):
    token, secret = make_token(cast.account)
    body = json.dumps([line(secret)]).encode()
    signature, key_id = signed(key, body), "k1"
    if case == "changed body":
        body += b" "
    elif case == "inactive":
        TokenScanner.objects.update(is_active=False)
    elif case in {"unknown key id", "no key id"}:
        key_id = "k2" if case == "unknown key id" else ""
    else:
        other = signed(ec.generate_private_key(ec.SECP256R1()), body)
        wrong = {"other key": other, "no signature": "", "not base64": "%%%", "not der": "AAAA"}
        signature = wrong.get(case, "A" * 5000)
    answer = send(body, signature, key_id=key_id)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    token.refresh_from_db()
    assert token.ended_at is None
    assert not AuditEvent.objects.exists()


def test_signature_is_checked_before_the_body_is_read(key, monkeypatch):
    monkeypatch.setattr("accounts.views.leaks.parse_json", lambda body: pytest.fail("read"))
    assert send(b"[" * 1000, "AAAA").status_code == 401


def test_network_that_keeps_failing_waits(key, settings):
    settings.CONSOLE_API_FAILURES = 2
    answers = [send(b"[]", "AAAA").status_code for _ in range(3)]
    assert answers == [401, 401, 429]
    assert send(b"[]", "AAAA", address="203.0.113.7").status_code == 401


def test_scanner_has_a_limit(key, settings):
    settings.CONSOLE_TOKEN_REPORTS = 1
    assert report(key, []).status_code == 200
    answer = report(key, [])
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


# --- Bodies


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "not_an_array"),
        (b"nonsense", "bad_json"),
        (b"[1]", "wrong_type"),
        (b'[{"token": 1, "type": "x"}]', "wrong_type"),
        (b'[{"token": "x"}]', "wrong_type"),
        (b'[{"token": "x", "type": "y", "url": []}]', "wrong_type"),
        (b'[{"token": "x", "token": "y", "type": "z"}]', "duplicate_key"),
        (b'[{"token": "\\ud800", "type": "z"}]', "bad_text"),
    ],
)
def test_signed_nonsense_is_refused(key, body, code):
    answer = send(body, signed(key, body))
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_report_has_a_limit_of_items_and_of_bytes(key, settings):
    settings.CONSOLE_TOKEN_REPORT_ITEMS = 2
    assert report(key, [line("x")] * 2).status_code == 200
    assert report(key, [line("x")] * 3).status_code == 413
    assert send(b" " * 1_100_000, "AAAA").status_code == 413


def test_only_posts_are_taken(db):
    for name in ("api_token_scan", "api_token_burn"):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
            answer = Client().generic(method, reverse(f"accounts:{name}"))
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


# --- What a report does


def test_live_token_is_revoked_at_once_and_people_get_the_public_address(cast, key):
    token, secret = make_token(cast.account, made_by=cast.developer)
    api = Api(cast.account.auth_id, secret)
    assert api.ask().status_code == 200
    answer = report(key, [line(secret)])
    assert answer.json() == [
        {"token_hash": digest(secret), "token_type": "patchbay_auth_token", "label": "true_positive"}
    ]
    assert api.ask().status_code == 401
    token.refresh_from_db()
    assert token.end_reason == "leaked"
    event = AuditEvent.objects.get()
    assert (event.kind, event.account_id) == (EventKind.CREDENTIAL_LEAKED, cast.account.pk)
    assert (event.data["url"], event.data["scanner"]) == (URL, "Code Example")
    assert secret not in json.dumps(event.data)
    do_work()
    assert {address for message in mail.outbox for address in message.to} == {
        cast.owner.email,
        cast.admin.email,
        cast.developer.email,
    }
    assert all(URL in message.body and secret not in message.body for message in mail.outbox)


def test_same_report_again_changes_and_mails_nothing(cast, key):
    _, secret = make_token(cast.account)
    first = report(key, [line(secret), line(secret)])
    second = report(key, [line(secret)])
    assert [row["label"] for row in first.json() + second.json()] == ["true_positive"] * 3
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_LEAKED).count() == 1


@pytest.mark.parametrize(
    "url",
    ["", None, "javascript:alert(1)", "ftp://x", "https://x y", "https://x/\n", "https://" + "x" * 3000],
)
def test_address_that_is_none_is_not_shown(cast, key, url):
    _, secret = make_token(cast.account)
    assert report(key, [line(secret, url=url)]).status_code == 200
    assert AuditEvent.objects.get().data["url"] == ""
    do_work()
    assert mail.outbox


def test_tokens_that_are_none_cost_no_query_and_unknown_ones_one(key, django_assert_num_queries):
    items = [line(crypto.make_token("pbt")) for _ in range(300)]
    shaped = [leaks.Found(item["token"], item["type"]) for item in items]
    scanner = TokenScanner.objects.get()
    facts = {"scanner": scanner, "origin": None, "now": NOW()}
    # The two others open and end the transaction.
    with django_assert_num_queries(3):
        assert {row["label"] for row in leaks.take_report(found=shaped, **facts)} == {"false_positive"}
    shapeless = [leaks.Found(item["token"][:-1] + "!", item["type"]) for item in items]
    with django_assert_num_queries(2):
        assert {row["label"] for row in leaks.take_report(found=shapeless, **facts)} == {"false_positive"}


def test_one_report_ends_tokens_of_many_accounts_and_ended_ones_stay(cast, key):
    made = [make_token(make_account(f"Company {number}")) for number in range(3)]
    over, secret = make_token(
        cast.account, made_at=NOW() - timedelta(days=2), ended_at=NOW() - timedelta(days=1)
    )
    items = [line(each) for _, each in made] + [line(secret), line("something else")]
    labels = [row["label"] for row in report(key, items).json()]
    assert labels == ["true_positive"] * 4 + ["false_positive"]
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_LEAKED).count() == 3
    ended_at = over.ended_at
    over.refresh_from_db()
    assert (over.ended_at, over.end_reason) == (ended_at, "")


def test_token_of_a_locked_account_and_of_a_subaccount_end_too(cast, key):
    Account.objects.filter(pk=cast.account.pk).update(state=Account.State.LOCKED)
    sub = ApiIdentity.objects.create(auth_id="SA" + "B" * 18, account=cast.account, kind="subaccount")
    token, secret = make_token(cast.account)
    Credential.objects.update(identity=sub)
    report(key, [line(secret)])
    token.refresh_from_db()
    assert token.end_reason == "leaked"


# --- Keys of scanners


@pytest.mark.parametrize("pem", ["", "nonsense", "rsa", "p384", "private", "broken", "unknown"])
def test_form_takes_p256_public_keys_only(db, pem):
    private = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keys = {
        "rsa": lambda: pem_of(rsa.generate_private_key(65537, 2048)),
        "p384": lambda: pem_of(ec.generate_private_key(ec.SECP384R1())),
        "private": private.decode,
        "broken": lambda: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        # Its algorithm is 1.2.3.4.
        "unknown": lambda: "-----BEGIN PUBLIC KEY-----\nMAswBQYDKgMEAwIAAQ==\n-----END PUBLIC KEY-----",
    }
    values = {"name": "X", "key_id": "k", "is_active": "on", "reason": "Why"}
    form = TokenScannerForm(values | {"public_key": keys.get(pem, lambda: pem)()})
    assert list(form.errors) == ["public_key"]
    assert TokenScannerForm(values | {"public_key": KNOWN_KEY}).is_valid()
    assert list(TokenScannerForm(values | {"public_key": KNOWN_KEY, "key_id": "a\r\nb"}).errors) == ["key_id"]


def test_staff_enter_keys_and_each_change_is_recorded(client, cast):
    cast.sign_in(client, "staff")
    values = {
        "name": "GitHub",
        "key_id": "90a4",
        "public_key": KNOWN_KEY,
        "is_active": "on",
        "reason": "Partner",
    }
    assert client.post("/admin/accounts/tokenscanner/add/", values).status_code == 302
    event = AuditEvent.objects.get(kind=EventKind.STAFF_RULE_CHANGED)
    assert event.data["after"]["key_id"] == "90a4"
    assert send(KNOWN_BODY, KNOWN_SIGNATURE, key_id="90a4").status_code == 200


# --- Burning


def burn(body=b"{}", header="", *, kind="application/json", address="198.51.100.7"):
    headers = {"Authorization": header} if header else {}
    client = Client(enforce_csrf_checks=True)
    return client.generic(
        "POST", reverse("accounts:api_token_burn"), body, kind, headers=headers, REMOTE_ADDR=address
    )


@pytest.mark.parametrize("how", ["basic", "basic without Auth ID", "body", "body before basic"])
def test_holder_ends_the_token_from_anywhere(cast, how):
    token, secret = make_token(cast.account, made_by=cast.developer)
    Account.objects.update(allowlist_mode=Account.AllowlistMode.ENFORCING)
    api = Api(cast.account.auth_id, secret)
    assert api.ask().status_code == 403
    nameless = Api("", secret).header
    body = json.dumps({"token": secret}).encode()
    other = Api("MA" + "Q" * 18, crypto.make_token("pbt")).header
    sent = {"basic": (b"{}", api.header), "basic without Auth ID": (b"{}", nameless), "body": (body, "")}
    answer = burn(*sent.get(how, (body, other)))
    assert (answer.status_code, answer.content) == (204, b"")
    token.refresh_from_db()
    assert token.end_reason == "burned"
    assert api.ask().status_code == 401
    event = AuditEvent.objects.get(kind=EventKind.CREDENTIAL_BURNED)
    assert (event.ip, secret in str(event.data)) == ("198.51.100.7", False)
    do_work()
    assert len(mail.outbox) == 3
    assert burn(*sent.get(how, (body, other))).status_code == 204
    assert AuditEvent.objects.filter(kind=EventKind.CREDENTIAL_BURNED).count() == 1


@pytest.mark.parametrize(
    "text",
    ["", "x", "pbt_short", crypto.make_token("pbt"), crypto.make_token("xyz"), "x" * 200],
    ids=["empty", "short", "broken", "ours", "foreign", "long"],
)
def test_answer_is_the_same_for_every_text(cast, text):
    _, secret = make_token(cast.account)
    right, wrong = burn(json.dumps({"token": secret}).encode()), burn(json.dumps({"token": text}).encode())
    assert (right.status_code, right.content) == (wrong.status_code, wrong.content)
    assert set(right.headers) == set(wrong.headers)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"token=x", "application/x-www-form-urlencoded"),
        (b"{}", "text/plain"),
        (b"[]", "application/json"),
        (b'{"token": 5}', "application/json"),
        (b'{"token": "' + b"x" * 300 + b'"}', "application/json"),
    ],
)
def test_browsers_form_and_other_shapes_burn_nothing(cast, body, kind):
    token, secret = make_token(cast.account)
    answer = burn(body, Api(cast.account.auth_id, secret).header, kind=kind)
    assert answer.status_code == 400
    token.refresh_from_db()
    assert token.ended_at is None


def test_network_burns_so_often_an_hour(cast, settings):
    settings.CONSOLE_BURNS_PER_ADDRESS_HOUR = 1
    token, secret = make_token(cast.account)
    assert burn().status_code == 204
    answer = burn(json.dumps({"token": secret}).encode())
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert burn(json.dumps({"token": secret}).encode(), address="203.0.113.7").status_code == 204
    token.refresh_from_db()
    assert token.end_reason == "burned"


def test_person_burns_a_found_token_without_an_account(cast, client):
    token, secret = make_token(cast.account)
    page = client.get(reverse("accounts:found_token"))
    assert "Found a token?" in page.content.decode()
    answer = client.post(reverse("accounts:found_token"), {"token": f" {secret}\n"}, follow=True)
    assert "It opens nothing now" in answer.content.decode()
    assert secret not in answer.content.decode()
    token.refresh_from_db()
    assert token.end_reason == "burned"
    again = client.post(reverse("accounts:found_token"), {"token": "nonsense"}, follow=True)
    assert "It opens nothing now" in again.content.decode()


def test_page_needs_its_token_and_something_typed_and_has_the_limit(cast, client, settings):
    strict = Client(enforce_csrf_checks=True)
    _, secret = make_token(cast.account)
    assert strict.post(reverse("accounts:found_token"), {"token": secret}).status_code == 403
    assert Credential.objects.get().ended_at is None
    assert client.post(reverse("accounts:found_token"), {"token": ""}).status_code == 422
    settings.CONSOLE_BURNS_PER_ADDRESS_HOUR = 0
    answer = client.post(reverse("accounts:found_token"), {"token": secret})
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
