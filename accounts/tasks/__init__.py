"""The tasks of the accounts app, one module an area."""

from accounts.tasks import credentials, named_tokens, rotation, sign_in, verification

__all__ = ["credentials", "named_tokens", "rotation", "sign_in", "verification"]
