"""Keep sessions in PostgreSQL under the SHA-256 of their key; cookies carry the key itself."""

import hashlib
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Session


def session_digest(key: str) -> str:
    """Return the primary key under which a session is stored (40 hexadecimal characters)."""
    return hashlib.sha256(f"session:{key}".encode()).hexdigest()[:40]


def stored_sessions() -> QuerySet[Session]:
    """Return the sessions with their users, and with the shortest limits of the users' accounts, in one query."""
    return Session.objects.select_related("user").annotate(**_rules())


@cache
def _rules() -> dict[str, Subquery]:
    accounts = import_string(settings.ACCOUNTS_OF)(OuterRef("user"))
    fields = {"idle_rule": "session_idle_minutes", "hours_rule": "session_hours"}
    return {
        name: Subquery(accounts.exclude(**{field: None}).order_by(field).values(field)[:1])
        for name, field in fields.items()
    }


class SessionStore(DatabaseStore):
    """Read and write session rows by digest, and keep the columns that describe the device."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the model of a session."""
        return Session

    row: Session | None = None

    def _get_session_from_db(self) -> Session | None:  # type: ignore[override]
        row = stored_sessions().filter(session_key=session_digest(self.session_key or "")).first()
        self.row = row if row and row.expire_date > timezone.now() else None
        if self.row is None:
            # A key that is not ours is never adopted: who needs a session gets a new key.
            self._session_key = None
        return self.row

    def exists(self, session_key: str) -> bool:
        """Say whether the key is taken."""
        return Session.objects.filter(session_key=session_digest(session_key)).exists()

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Write the session's data, leaving the device columns alone."""
        if self.session_key is None:
            return self.create()
        values = {
            "session_data": self.encode(self._get_session(no_load=must_create)),  # type: ignore[attr-defined]
            "expire_date": self.get_expiry_date(),
        }
        digest = session_digest(self.session_key)
        if must_create:
            self._insert(digest, values)
        elif not Session.objects.filter(session_key=digest).update(**values):
            raise UpdateError
        return None

    def _insert(self, digest: str, values: dict[str, Any]) -> None:
        made = Session.objects.bulk_create([Session(session_key=digest, **values)], ignore_conflicts=True)
        stored = Session.objects.filter(session_key=digest, public_id=made[0].public_id).first()
        if stored is None:
            raise CreateError
        self.row = stored

    def cycle_key(self) -> None:
        """Give the session a new key in place; the old cookie is dead, device and user stay."""
        old = session_digest(self.session_key) if self.session_key else ""
        data = self._session  # type: ignore[attr-defined]
        key = self._get_new_session_key()  # type: ignore[attr-defined]
        if not Session.objects.filter(session_key=old).update(session_key=session_digest(key)):
            super().cycle_key()
            return
        self._session_key = key
        self._session_cache = data
        self.modified = True
        self.row = stored_sessions().get(session_key=session_digest(key))

    def flush(self) -> None:
        """Delete the session, and forget its row with its key."""
        super().flush()
        self.row = None

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session; the cookie never works again."""
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=session_digest(key)).delete()


def session_row(request: Any) -> Session | None:
    """Return the row of the request's session, loading the session if need be."""
    store = request.session
    store.get("next")  # loads the row
    return store.row


def own_session(request: Any) -> Session:
    """Return the row of a session that is known to exist: the signed-in person's.

    :raises LookupError: if there is none
    """
    row = session_row(request)
    if row is None:
        raise LookupError("This request has no session.")
    return row
