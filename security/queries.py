"""Look up second factors."""

from dataclasses import dataclass

from accounts.models import User
from security.models import AuthenticatorDevice, PhoneDevice, RecoveryCode


@dataclass(frozen=True, slots=True)
class Factors:
    """Which second factors a person has."""

    has_phone: bool
    has_authenticator: bool
    codes_left: int

    @property
    def has_strong(self) -> bool:
        """Say whether a factor other than the phone exists."""
        return self.has_authenticator


def factors_of(user: User) -> Factors:
    """Return the person's factors."""
    return Factors(
        has_phone=PhoneDevice.objects.filter(user=user, confirmed=True).exists(),
        has_authenticator=AuthenticatorDevice.objects.filter(user=user, confirmed=True).exists(),
        codes_left=RecoveryCode.objects.filter(user=user, used_at=None).count(),
    )
