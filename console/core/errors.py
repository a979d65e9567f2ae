"""Name the errors that a person or a caller can cause."""


class DomainError(Exception):
    """A deed that was refused, with a message for the person who asked for it.

    ``code`` is stable and meant for machines; ``field`` names the form field to blame, if any.
    """

    code = "refused"
    field: str | None = None

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.field = field or self.field


class TooManyRequests(DomainError):
    """A limit was reached; ``retry_after`` is in seconds."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = max(1, retry_after)


class Unavailable(DomainError):
    """A part that the deed needs is down; nothing was done."""

    code = "unavailable"
