"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import pytest
from celery import current_app
from django.conf import settings
from django.db import connections
from django.test import Client, TransactionTestCase
from django.utils import timezone

from accounts.models import Account, User
from accounts.sessions import SessionStore, session_digest
from console.core.ratelimit import valkey
from teams.roles import Role
from tests.factories import make_account, make_member, make_user

_KEPT = {
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
}


def _truncate_as_superuser(self: Any) -> None:
    """Empty every table; append-only tables refuse it from anybody but the superuser."""
    with psycopg.connect(os.environ["TEST_OWN_SUPERUSER_URL"], autocommit=True) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        names = ", ".join(f'"{name}"' for (name,) in rows if name not in _KEPT)
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")


TransactionTestCase._fixture_teardown = _truncate_as_superuser


@pytest.fixture(scope="session")
def django_db_setup() -> Iterator[None]:
    """Use the database that ``tests.servers`` made."""
    current_app.loader.import_default_modules()
    yield
    connections.close_all()


@pytest.fixture(autouse=True)
def _clean_valkey() -> None:
    valkey().flushdb()


@dataclass
class Cast:
    """Everybody a story needs: the five roles of one account, and an outsider with an account of their own."""

    account: Account
    other_account: Account
    users: dict[str, User] = field(default_factory=dict)

    def __getattr__(self, name: str) -> User:
        try:
            return self.__dict__["users"][name]
        except KeyError as error:
            raise AttributeError(name) from error

    def sign_in(self, client: Client, who: str, *, confirmed: bool = True) -> Client:
        """Give the client a finished session of the person; ``anonymous`` gives none."""
        if who != "anonymous":
            sign_in(client, self.users[who], confirmed=confirmed)
        return client


def sign_in(client: Client, user: User, *, confirmed: bool = True, at: datetime | None = None) -> None:
    """Give the client a finished session."""
    now = at or timezone.now()
    store = SessionStore()
    store.create()
    digest = session_digest(store.session_key)
    SessionStore.get_model_class().objects.filter(session_key=digest).update(
        user=user, signed_in_at=now, last_seen_at=now, confirmed_at=now if confirmed else None, method="totp"
    )
    client.cookies[settings.SESSION_COOKIE_NAME] = store.session_key


@pytest.fixture
def cast(db: None) -> Cast:
    """Return the cast."""
    owner = make_user("olivia@halyard.example", full_name="Olivia Owner")
    account = make_account("Halyard Logistics", owner=owner)
    outsider = make_user("otto@elsewhere.example", full_name="Otto Outsider")
    other = make_account("Elsewhere GmbH", owner=outsider)
    users = {"owner": owner, "outsider": outsider}
    for role in (Role.ADMIN, Role.DEVELOPER, Role.SUPPORT, Role.ANALYST):
        person = make_user(f"{role}@halyard.example", full_name=f"{role.title()} Person")
        users[str(role)] = make_member(account, role=role, user=person)
    users["staff"] = make_user(
        "staff@patchbay.example", full_name="Stan Staff", is_staff=True, is_superuser=True
    )
    return Cast(account, other, users)
