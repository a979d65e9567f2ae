"""Load the signed-in user; passwords are checked by the sign-in service, not here."""

from django.contrib.auth.backends import ModelBackend


class EmailBackend(ModelBackend):
    """Load users and their staff permissions for Django; never authenticates by itself.

    A password alone must open nothing: the only way in is the list of login steps.
    """

    def authenticate(self, request: object, **credentials: object) -> None:  # type: ignore[override]
        """Refuse: sign-in goes through ``accounts.login_steps``."""
        return
