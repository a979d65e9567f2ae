"""The admin lives on a host of its own when one is named."""

import pytest

CONSOLE, ADMIN = "console.localhost", "admin.localhost"


@pytest.fixture(autouse=True)
def _admin_host(settings, db):
    settings.ADMIN_HOST = ADMIN


@pytest.mark.parametrize(
    ("host", "path", "is_there"),
    [
        (CONSOLE, "/sign-in/", True),
        (CONSOLE, "/sign-up/", True),
        (CONSOLE, "/admin/", False),
        (ADMIN, "/sign-in/", True),
        (ADMIN, "/admin/", True),
        (ADMIN, "/sign-up/", False),
        ("ADMIN.LocalHost", "/sign-up/", False),
        ("admin.localhost.:8000", "/sign-up/", False),
        ("Admin.localhost:8000", "/admin/", True),
        ("Console.localhost.", "/admin/", False),
        (ADMIN, "/v1/Account/MA000000000000000000/", False),
    ],
)
def test_each_host_has_its_own_pages(client, host, path, is_there):
    status = client.get(path, headers={"Host": host}).status_code
    assert (status != 404) is is_there


def test_staff_reach_the_admin_on_its_host_only(client, cast):
    cast.sign_in(client, "staff")
    assert client.get("/admin/", headers={"Host": ADMIN}).status_code == 200
    assert client.get("/admin/", headers={"Host": CONSOLE}).status_code == 404
