"""A form with files waits for a confirmation, and is carried out once with its files as they came in."""

import hashlib
import os
import re
import threading
from datetime import timedelta

import pytest
from django.conf import settings as console_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from security.models import HeldAct, HeldFile
from security.tasks.sweeping import sweep_expired
from tests.conftest import sign_in
from tests.factories import PASSWORD, make_account, make_user
from tests.security import upload_urls

pytestmark = pytest.mark.urls("tests.security.upload_urls")
TYPED = {"title": "Größe 1 & 2", "kind": "b", "tags": ["x", "z"], "secret": "hush-hush"}


@pytest.fixture(autouse=True)
def _nothing_seen():
    upload_urls.SEEN.clear()


@pytest.fixture
def address(cast):
    return f"/{cast.account.auth_id}/upload/"


@pytest.fixture
def client(cast):
    return cast.sign_in(Client(), "owner", confirmed=False)


def paper(name="papers.pdf", content=b"%PDF-1.7 \x00\xff\r\n--boundary\r\n", content_type="application/pdf"):
    return SimpleUploadedFile(name, content, content_type)


def token_of(client, question):
    page = client.get(question, follow=True).content.decode()
    return re.search(r'name="token" value="([0-9a-f]+)"', page).group(1)


def confirm(client, question):
    return client.post(f"{question}password/", {"token": token_of(client, question), "code": PASSWORD})


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_files_and_fields_arrive_as_they_were_sent(client, address):
    papers = [
        paper(content=os.urandom(200_000)),
        paper('Größe &amp;amp; "so".txt', b"", "text/plain"),
        paper("x" * 250 + ".bin", b"\n\n", "application/octet-stream"),
    ]
    contents = [file.read() for file in papers]
    for file in papers:
        file.seek(0)
    question = client.post(address, TYPED | {"paper": papers[0], "more": papers[1:]}).url
    assert not upload_urls.SEEN
    assert confirm(client, question).json() == {"files": 3}
    (seen,) = upload_urls.SEEN
    assert {name: seen["post"][name] for name in TYPED} == {
        "title": ["Größe 1 & 2"],
        "kind": ["b"],
        "tags": ["x", "z"],
        "secret": ["hush-hush"],
    }
    assert [(field, kind) for field, _, kind, _, _ in seen["files"]] == [
        ("paper", "application/pdf"),
        ("more", "text/plain"),
        ("more", "application/octet-stream"),
    ]
    assert [found[4] for found in seen["files"]] == [digest(content) for content in contents]
    assert seen["files"][1][1] == 'Größe &amp; "so".txt'


def test_name_is_what_a_view_gets_without_a_question(cast, address):
    names = ["a&amp;amp;lt;b.txt", "../../etc/passwd", "c:\\dir\\e.txt", "x" * 300 + ".bin"]
    fresh = cast.sign_in(Client(), "owner")
    for name in names:
        fresh.post(address, TYPED | {"paper": paper(name)})
        asked = cast.sign_in(Client(), "owner", confirmed=False)
        confirm(asked, asked.post(address, TYPED | {"paper": paper(name)}).url)
    seen = [entry["files"][0][1] for entry in upload_urls.SEEN]
    assert seen[::2] == seen[1::2]


def test_files_are_sealed_and_gone_after_the_act(client, address):
    question = client.post(address, TYPED | {"paper": paper("plain-name.txt", b"plain-words")}).url
    row = HeldFile.objects.get()
    assert b"plain-words" not in bytes(row.sealed)
    assert b"plain-name" not in bytes(row.sealed)
    confirm(client, question)
    assert not HeldFile.objects.exists()


def test_act_with_files_is_carried_out_once(client, address):
    question = client.post(address, TYPED | {"paper": paper()}).url
    token = token_of(client, question)
    for status in (200, 409, 409):
        assert client.post(f"{question}password/", {"token": token, "code": PASSWORD}).status_code == status
    assert len(upload_urls.SEEN) == 1


def test_another_person_or_session_gets_nothing_of_it(cast, client, address):
    question = client.post(address, TYPED | {"paper": paper()}).url
    token = token_of(client, question)
    for who in ("admin", "outsider", "owner"):
        stranger = cast.sign_in(Client(), who)
        assert stranger.get(question).status_code == 404
        assert stranger.post(question, {"token": token}).status_code == 404
    assert not upload_urls.SEEN
    assert HeldFile.objects.count() == 1


def test_account_that_was_left_meanwhile_gets_no_files(cast, client, address):
    question = client.post(address, TYPED | {"paper": paper()}).url
    token = token_of(client, question)
    cast.owner.memberships.all().delete()
    assert client.post(f"{question}password/", {"token": token, "code": PASSWORD}).status_code == 404
    assert not upload_urls.SEEN


def test_two_tabs_settle_each_with_its_own_files(client, address):
    first = client.post(address, TYPED | {"paper": paper(content=b"first")}).url
    second = client.post(address, TYPED | {"paper": paper(content=b"second")}).url
    token = token_of(client, second)
    confirm(client, first)
    assert client.post(second, {"token": token}).json() == {"files": 1}
    assert [entry["files"][0][4] for entry in upload_urls.SEEN] == [digest(b"first"), digest(b"second")]


def test_form_that_the_replay_draws_takes_new_files(client, address):
    question = client.post(address, TYPED | {"kind": "bogus", "paper": paper()}).url
    page = confirm(client, question)
    assert page.status_code == 422
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode()).group(1)
    again = TYPED | {"csrfmiddlewaretoken": csrf, "paper": paper(content=b"again")}
    assert client.post(f"{question}password/", again).json() == {"files": 1}
    assert upload_urls.SEEN[0]["files"][0][4] == digest(b"again")


@pytest.mark.parametrize(
    ("count", "size", "is_held"), [(5, 100, True), (6, 100, False), (1, 1000, True), (1, 1001, False)]
)
def test_too_many_or_too_large_files_are_refused(client, address, settings, count, size, is_held):
    settings.CONSOLE_HELD_FILE_BYTES = 1000
    papers = [paper(content=b"x" * size) for _ in range(count)]
    response = client.post(address, TYPED | {"paper": papers})
    assert response.status_code == (303 if is_held else 400)
    assert HeldFile.objects.count() == (count if is_held else 0)
    assert HeldAct.objects.count() == is_held


def test_ten_megabytes_come_through_when_the_body_may_be_that_large(client, address, settings):
    settings.MAX_BODY_BYTES = 60_000_000
    content = os.urandom(10_485_760)
    question = client.post(address, TYPED | {"paper": paper(content=content)}).url
    confirm(client, question)
    assert upload_urls.SEEN[0]["files"][0][4] == digest(content)


def test_body_above_the_cap_is_refused_before_it_is_read(client, address):
    answer = client.post(address, TYPED | {"paper": paper(content=b"x" * 2_097_152)})
    assert answer.status_code == 413
    assert not HeldAct.objects.exists()


def test_acts_with_files_have_a_limit_of_their_own(client, address):
    for _ in range(20):
        assert client.post(address, TYPED | {"paper": paper()}).status_code == 303
    assert client.post(address, TYPED | {"paper": paper()}).status_code == 429
    assert client.post(address, TYPED).status_code == 303


def test_expired_form_comes_back_with_what_was_typed(client, address):
    question = client.post(address, TYPED | {"paper": paper()}).url
    HeldAct.objects.update(expires_at=timezone.now())
    page = client.get(question)
    body = page.content.decode()
    assert page.status_code == 410
    assert "This waited too long, so nothing was changed." in body
    assert "Choose the files once more." in body
    assert 'value="Größe 1 &amp; 2"' in body
    assert re.search(r'<option value="b" selected', body)
    checked = re.findall(r'<input type="checkbox" name="tags" value="(\w)"[^>]*checked', body)
    assert checked == ["x", "z"]
    assert "hush-hush" not in body
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', body).group(1)
    anew = client.post(question, TYPED | {"csrfmiddlewaretoken": csrf, "paper": paper()})
    assert anew.status_code == 303
    assert anew.url != question
    assert confirm(client, anew.url).json() == {"files": 1}
    assert len(upload_urls.SEEN) == 1


def test_expired_form_is_not_sent_on_without_its_key(cast, address):
    client = cast.sign_in(Client(enforce_csrf_checks=True), "owner")
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(address).content.decode()).group(
        1
    )
    Session.objects.update(confirmed_at=None)
    question = client.post(address, TYPED | {"csrfmiddlewaretoken": csrf}).url
    HeldAct.objects.update(expires_at=timezone.now())
    Session.objects.update(confirmed_at=timezone.now())
    assert client.post(question, TYPED).status_code == 403
    assert not upload_urls.SEEN


def test_expired_form_shows_nothing_to_somebody_who_lost_the_account(cast, client, address):
    question = client.post(address, TYPED).url
    HeldAct.objects.update(expires_at=timezone.now())
    cast.owner.memberships.all().delete()
    page = client.get(question)
    assert page.status_code == 410
    assert "Größe" not in page.content.decode()


def test_sweep_takes_files_at_once_and_what_was_typed_an_hour_later(client, address):
    client.post(address, TYPED | {"paper": paper()})
    sweep_expired()
    assert HeldFile.objects.count() == 1
    HeldAct.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    sweep_expired()
    assert (HeldAct.objects.count(), HeldFile.objects.count()) == (1, 0)
    HeldAct.objects.update(expires_at=timezone.now() - timedelta(minutes=61))
    sweep_expired()
    assert not HeldAct.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_four_clicks_at_once_carry_the_files_out_once():
    user = make_user()
    account = make_account(owner=user)
    client = Client()
    sign_in(client, user, confirmed=False)
    question = client.post(f"/{account.auth_id}/upload/", TYPED | {"paper": paper()}).url
    token = token_of(client, question)
    Session.objects.update(confirmed_at=timezone.now())
    barrier, statuses = threading.Barrier(4), []

    def click():
        other = Client()
        other.cookies[console_settings.SESSION_COOKIE_NAME] = client.cookies["session"].value
        barrier.wait()
        statuses.append(other.post(question, {"token": token}).status_code)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409]
    assert len(upload_urls.SEEN) == 1
