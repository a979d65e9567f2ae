"""Error reports leave without bodies, cookies, addresses or people."""

from console import observability


def test_report_keeps_the_error_and_nothing_of_the_person():
    report = {
        "exception": {"values": [{"type": "ValueError"}]},
        "request": {
            "method": "POST",
            "url": "https://x/reset/token/",
            "data": "password=1",
            "cookies": "session=1",
        },
        "user": {"ip_address": "198.51.100.23"},
        "extra": {"celery": "args"},
        "breadcrumbs": [{"message": "SELECT"}],
    }
    stripped = observability.strip_report(report, {})
    assert stripped == {"exception": {"values": [{"type": "ValueError"}]}, "request": {"method": "POST"}}


def test_sentry_starts_without_personal_data(settings, monkeypatch):
    import sentry_sdk

    seen = {}
    monkeypatch.setattr(sentry_sdk, "init", lambda **options: seen.update(options))
    settings.SENTRY_DSN = "https://key@sentry.localhost/1"
    observability.start()
    assert seen["send_default_pii"] is False
    assert seen["max_request_body_size"] == "never"
    assert seen["include_local_variables"] is False
