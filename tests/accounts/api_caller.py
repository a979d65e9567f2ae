"""A caller of the HTTP API, over Django's test client."""

import base64
import json
import re

from django.test import Client

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Api:
    """A caller of the API, over Django's test client."""

    def __init__(self, auth_id, token, address="192.0.2.7"):
        self.auth_id, self.token, self.address = auth_id, token, address
        self.client = Client(enforce_csrf_checks=True)

    @property
    def header(self):
        return "Basic " + base64.b64encode(f"{self.auth_id}:{self.token}".encode()).decode()

    def ask(
        self, method="GET", body=None, *, path="", raw=None, kind="application/json", header=None, **headers
    ):
        path = path or f"/v1/Account/{self.auth_id}/"
        sent = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        headers = {"Authorization": self.header if header is None else header, **headers}
        return self.client.generic(
            method, path, sent, content_type=kind, headers=headers, REMOTE_ADDR=self.address
        )
