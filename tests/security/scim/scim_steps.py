"""Steps that the tests of provisioning share."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import Account
from security.models import SsoDomain
from security.services.scim_tokens import make_scim_token
from tests.teams.team_steps import actor_of

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass
class Directory:
    """A directory that calls with a token."""

    token: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a call, and return the answer."""
        content = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else ""
        named = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        kind = named.pop("HTTP_CONTENT_TYPE", "application/scim+json")
        named.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.token}")
        return Client().generic(method, f"/scim/v2{path}", content, content_type=kind, **named)

    def add(self, email: str, **more: Any) -> Any:
        """Add a person."""
        facts = {"schemas": [USER], "userName": email, "emails": [{"value": email, "primary": True}]}
        return self.call("POST", "/Users", facts | more)

    def add_group(self, name: str, *members: str) -> Any:
        """Add a group with its people."""
        facts = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
        return self.call("POST", "/Groups", facts)

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> Any:
        """Change something."""
        return self.call("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, **headers)

    def find(self, email: str) -> dict[str, Any]:
        """Return the person of the userName."""
        found = self.call("GET", f'/Users?filter=userName eq "{email}"').json()
        assert found["totalResults"] == 1, found
        return dict(found["Resources"][0])

    def suspend(self, key: str) -> Any:
        """Say that somebody is not active."""
        return self.patch(f"/Users/{key}", {"op": "replace", "path": "active", "value": False})


def directory_of(cast: Any, who: str = "owner") -> Directory:
    """Return the directory of the cast's account."""
    made = make_scim_token(
        actor=actor_of(cast, who), keeps_old=False, now=timezone.now(), form_id=uuid.uuid4()
    )
    return Directory(made.token)


def own_domain(account: Account, domain: str = "halyard.example") -> SsoDomain:
    """Prove that a domain is the account's."""
    return SsoDomain.objects.create(
        account=account, domain=domain, challenge="x" * 32, verified_at=timezone.now()
    )
