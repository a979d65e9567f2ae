"""Every answer carries the security headers, errors and files included."""

import pytest

PATHS = [
    "/sign-in/",
    "/healthz/live",
    "/nowhere/",
    "/v1/nowhere/",
    "/static/nowhere.css",
    "/csp-report/",
    "/.git/HEAD",
    "/.env",
]


@pytest.mark.parametrize("path", PATHS)
def test_answer_carries_the_headers(client, db, path):
    response = client.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-Id"]
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Server" not in response.headers


@pytest.fixture
def https(settings):
    settings.IS_HTTPS, settings.SECURE_HSTS_SECONDS = True, 31_536_000
    settings.BASE_URL = "https://console.example"


@pytest.mark.usefixtures("https")
class TestPlainHttp:
    def test_page_redirects_to_https(self, client, db):
        response = client.get("/sign-in/?a=1")
        assert response.status_code == 308
        assert response.url == "https://console.example/sign-in/?a=1"
        assert "max-age=31536000; includeSubDomains" in response.headers["Strict-Transport-Security"]

    @pytest.mark.parametrize(
        "path", ["/v1/Account/MA000000000000000000/", "/scim/v2/Users", "/internal/usage/"]
    )
    def test_machine_is_refused_without_a_redirect(self, client, db, path):
        response = client.get(path)
        assert response.status_code == 403
        assert "Location" not in response.headers


def test_part_of_another_site_is_refused(client, cast):
    cast.sign_in(client, "owner")
    address = f"/{cast.account.auth_id}/"
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get(address, headers=headers).status_code == 403
    assert client.get(address, headers=headers | {"Sec-Fetch-Mode": "navigate"}).status_code == 200


@pytest.mark.parametrize("suffix", ["x.css", ";.js", "%0a.png"])
def test_page_address_with_a_file_name_appended_is_missing(client, cast, suffix):
    cast.sign_in(client, "owner")
    assert client.get(f"/{cast.account.auth_id}/{suffix}").status_code == 404


@pytest.mark.parametrize("path", ["/sign-in/", "/v1/Account/MA000000000000000000/"])
def test_large_body_is_refused_before_it_is_read(client, db, path):
    response = client.post(path, b"x" * 3_000_000, content_type="application/json")
    assert response.status_code == 413


def test_foreign_host_is_refused(client, db):
    assert client.get("/sign-in/", headers={"Host": "evil.test"}).status_code == 400


def test_post_without_a_token_shows_the_csrf_page(db):
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post("/sign-in/", {"email": "ines@halyard.example"})
    assert response.status_code == 403
    assert b"csrf" not in response.content.lower() or response.content


def test_csp_report_is_logged_and_limited(client, db, caplog):
    report = {
        "csp-report": {
            "document-uri": "https://x/",
            "effective-directive": "script-src",
            "blocked-uri": "inline",
        }
    }
    with caplog.at_level("WARNING", "console.csp"):
        for _ in range(25):
            assert client.post("/csp-report/", report, content_type="application/json").status_code == 204
    assert len([record for record in caplog.records if record.name == "console.csp"]) == 20


def test_unexpected_error_shows_a_calm_page(client, cast, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("console.overview.queries.overview_of", lambda actor: 1 / 0)
    cast.sign_in(client, "owner")
    response = client.get(f"/{cast.account.auth_id}/")
    assert response.status_code == 500
    assert response.headers["X-Request-Id"] in response.content.decode()
    assert "ZeroDivision" not in response.content.decode()
