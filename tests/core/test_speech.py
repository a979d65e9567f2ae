"""The carrier is told what to say, once it shows the sealed words."""

from django.utils import timezone

from console.core.carriers.speech import seal_speech


def test_sealed_words_are_spoken(client, db):
    token = seal_speech("Your code is 1, 2, 3 & 4", now=timezone.now())
    response = client.get("/webhooks/speech/", {"speech": token})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/xml")
    assert b"1, 2, 3 &amp; 4" in response.content


def test_altered_words_are_not_found(client, db):
    assert client.get("/webhooks/speech/", {"speech": "altered"}).status_code == 404
    assert client.get("/webhooks/speech/").status_code == 404
