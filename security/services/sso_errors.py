"""Name why a sign-in through a provider leads nowhere."""

from console.core.errors import DomainError


class SsoRefused(DomainError):
    """The sign-in is refused. ``code`` picks the page's words; ``reason`` is for logs and names nobody."""

    code = "message"

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason, code=code)
        self.reason = reason
