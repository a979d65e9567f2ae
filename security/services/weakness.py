"""Decide how far a factor is trusted: a new one is weak for a while, unless an older one vouched for it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, QuerySet

from accounts.models import User
from security.models import AuthenticatorDevice, PasskeyDevice, PhoneDevice, RecoveryCode
from security.queries import APP, PASSKEY, PHONE, RECOVERY

_KINDS = {"totp": APP, "sms": PHONE, "voice": PHONE, "phone": PHONE, "recovery-code": RECOVERY}
# A recovery code lets its owner in and confirms acts, but vouches for nothing: whoever finds one on paper
# must not turn it into a factor of their own that is trusted at once.
_VOUCHING = frozenset({PASSKEY, APP, PHONE})


def decide_weakness(*, user: User, proved: Iterable[str], now: datetime) -> datetime | None:
    """Return until when a factor that the person adds now is weak; None when it is trusted at once.

    ``proved`` names the factors that the person proved in this sign-in or session just before. The factors of
    a person who never finished a sign-in are the first ones: nothing older could vouch for them.
    """
    if user.last_login is None:
        return None
    kinds = {kind_of(method) for method in proved} & _VOUCHING
    if any(_is_trusted(_untils(user, kind), now) for kind in kinds):
        return None
    return now + timedelta(hours=settings.CONSOLE_FACTOR_WEAK_HOURS)


def kind_of(method: str) -> str:
    """Return the kind of factor behind the name of a proved method."""
    return _KINDS.get(method, method)


def weakness_of(*, user: User, method: str, now: datetime) -> datetime | None:
    """Return until when the factor behind a proof is weak: of several of its kind, the one used last.

    When the factor is gone, the weakest of those that are left decides.
    """
    untils = _untils(user, kind_of(method))[:1] or [until for kind in _ROWS for until in _untils(user, kind)]
    return max((until for until in untils if until is not None and until > now), default=None)


def weak_kinds(*, user: User, now: datetime) -> dict[str, datetime]:
    """Return the kinds of which the person has weak factors only, and when the first of each is strong."""
    found = {kind: _untils(user, kind) for kind in _ROWS}
    return {
        kind: min(until for until in untils if until is not None)
        for kind, untils in found.items()
        if untils and all(until is not None and until > now for until in untils)
    }


def _is_trusted(untils: list[datetime | None], now: datetime) -> bool:
    return bool(untils) and (untils[0] is None or untils[0] <= now)


def _untils(user: User, kind: str) -> list[datetime | None]:
    """Return when each factor of the kind becomes strong, the one used last first."""
    rows, used_at = _ROWS.get(kind, (PhoneDevice.objects.none(), "last_used_at"))
    newest = rows.filter(user=user).order_by(F(used_at).desc(nulls_last=True), "-pk")
    return list(newest.values_list("weak_until", flat=True))


_ROWS: dict[str, tuple[QuerySet, str]] = {
    PASSKEY: (PasskeyDevice.objects.filter(confirmed=True), "last_used_at"),
    APP: (AuthenticatorDevice.objects.filter(confirmed=True), "last_used_at"),
    PHONE: (PhoneDevice.objects.filter(confirmed=True), "last_used_at"),
    RECOVERY: (RecoveryCode.objects.all(), "used_at"),
}
