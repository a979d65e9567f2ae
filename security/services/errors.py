"""Name what a person can get wrong when they prove who they are."""

from console.core.errors import DomainError


class WrongFactor(DomainError):
    """The code or password is not the right one."""

    code = "wrong_factor"
    field = "code"


class FactorMissing(DomainError):
    """The person has no such factor."""

    code = "no_factor"
