"""Sample arguments for every address: a route with an argument unknown here fails the tests."""

import uuid

from console.core.routes import Route, iter_routes

SAMPLES = {
    "account": None,  # replaced by the cast's Auth ID
    "auth_id": None,
    "app_label": "accounts",
    "content_type_id": 1,
    "object_id": "1",
    "url": "nothing",
    "token": "altered-token",
    "message": uuid.UUID(int=1),
    "session": uuid.UUID(int=1),
    "credential": uuid.UUID(int=1),
    "device": uuid.UUID(int=1),
    "connection": uuid.UUID(int=1),
    "act": uuid.UUID(int=1),
    "method": "app",
    "mode": "report",
    "step": "sessions",
    "check": "allowlist",
    "delivery": uuid.UUID(int=1),
    "public_id": uuid.UUID(int=1),
    "place": f"1-{uuid.UUID(int=1).hex}",
    "path": "x",
    "rest": "account/settings/team/",
    "member": uuid.UUID(int=1),
    "invitation": uuid.UUID(int=1),
    "role": "developer",
    "subaccount": "SA" + "X" * 18,
    "subaccount_id": "SA" + "X" * 18,
    "sheet": "voice",
    "number": "12125550100",
    "name": "User",
    "key": "1",
    "app_id": "1" * 17,
    "endpoint_id": "1" * 14,
}


def console_routes() -> list[Route]:
    """Return the console's own named addresses, the admin's left out."""
    return [route for route in iter_routes() if route.name and not route.name.startswith("admin:")]


def arguments_of(route: Route, auth_id: str) -> dict[str, object]:
    """Return arguments with which the address can be built."""
    missing = [name for name in route.arguments if name not in SAMPLES]
    assert not missing, f"{route.name}: give tests/architecture/routes.py a sample for {missing}"
    return {name: auth_id if SAMPLES[name] is None else SAMPLES[name] for name in route.arguments}
