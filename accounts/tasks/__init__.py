"""The tasks of the accounts app, one module an area."""

from accounts.tasks import credentials, rotation, sign_in, verification

__all__ = ["credentials", "rotation", "sign_in", "verification"]
