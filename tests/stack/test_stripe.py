"""The fake of Stripe keeps to loopback and to its folder, and several run side by side."""

import requests

from console.stack.servers import StripeServer


def _ask(server, path, **data):
    key = server.environment["STRIPE_SECRET_KEY"]
    headers = {"Authorization": f"Bearer {key}"}
    if data:
        return requests.post(
            server.url + path, data=data, timeout=10, headers=headers | {"Idempotency-Key": "one"}
        )
    return requests.get(server.url + path, timeout=10, headers=headers)


def test_two_run_side_by_side_and_keep_what_they_were_told(tmp_path):
    with StripeServer(tmp_path / "a") as first, StripeServer(tmp_path / "b") as second:
        made = _ask(first, "/v1/customers", name="Halyard").json()["id"]
        assert _ask(first, "/v1/customers", name="Halyard").json()["id"] == made
        assert _ask(first, "/v1/customers", name="Other").status_code == 400
        assert _ask(second, f"/v1/customers/{made}").status_code == 404
        before = first.environment
        first.kill()
        first.start()
        assert _ask(first, f"/v1/customers/{made}").json()["name"] == "Halyard"
        assert first.environment == before
    assert not (tmp_path / "a" / "localstripe.pickle").exists()
