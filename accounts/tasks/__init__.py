"""The tasks of the accounts app, one module an area."""

from accounts.tasks import credentials, sign_in, verification

__all__ = ["credentials", "sign_in", "verification"]
