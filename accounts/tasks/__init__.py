"""The tasks of the accounts app, one module an area."""

from accounts.tasks import sign_in, verification

__all__ = ["sign_in", "verification"]
