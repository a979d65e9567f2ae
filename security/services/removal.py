"""Decide whether a factor may go: something has to protect the sign-in afterwards."""

from datetime import datetime

from accounts.models import User
from console.core.errors import DomainError
from security.models import AuthenticatorDevice, PasskeyDevice, PhoneDevice
from security.sign_in_rules import rules_for


class FactorNeeded(DomainError):
    """The factor is the last one the person may use."""

    code = "last_factor"


def require_other_factor(*, user: User, without: AuthenticatorDevice | PasskeyDevice) -> None:
    """Refuse to remove the factor when nothing else protects the sign-in; the caller has locked the person.

    :raises FactorNeeded: with the reason
    """
    if has_strong_factor(user, without=without):
        return
    if user.is_staff:
        raise FactorNeeded("Staff sign in with an authenticator app or a passkey. Add another one first.")
    if rule := rules_for(user).first():
        raise FactorNeeded(
            f"{rule.account.name} asks for an authenticator app or a passkey, and this is your last one. "
            "Add another one before you remove it."
        )
    if not PhoneDevice.objects.filter(user=user, confirmed=True).exists():
        raise FactorNeeded("This is your last second factor. Add another one before you remove it.")


def has_strong_factor(user: User, *, without: AuthenticatorDevice | PasskeyDevice | None = None) -> bool:
    """Say whether the person has an authenticator app or a passkey, not counting the given one."""
    for model in (AuthenticatorDevice, PasskeyDevice):
        found = model.objects.filter(user=user, confirmed=True)
        if isinstance(without, model):
            found = found.exclude(pk=without.pk)
        if found.exists():
            return True
    return False


def settle_for_phone(*, user: User, now: datetime) -> None:
    """Note that phone codes are what the person signs in with, once no stronger factor is left.

    They said so by removing the last one, so the next sign-in does not ask again.
    """
    if not has_strong_factor(user):
        PhoneDevice.objects.filter(user=user, chosen_at=None).update(chosen_at=now)
