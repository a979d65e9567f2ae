"""Decide whether an address may call the API of an account: the guard that the API's kernel asks."""

from collections.abc import Callable
from datetime import datetime
from functools import cache

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from accounts.models import Account, ApiCaller
from accounts.services.callers import note_caller
from console.core.api import Caller
from console.core.requests import Origin

_QUERY = """
SELECT access.confirm_by IS NOT NULL AND access.confirm_by <= %(now)s,
  EXISTS (
    SELECT FROM security_allowlistentry AS entry
    WHERE entry.account_id = access.account_id AND entry.network >>= %(ip)s::inet
      AND (entry.expires_at IS NULL OR entry.expires_at > %(now)s)
  )
FROM security_allowlistaccess AS access WHERE access.account_id = %(account)s
"""
Mode, Verdict = Account.AllowlistMode, ApiCaller.Verdict
_REFUSALS = frozenset({Verdict.REFUSED, Verdict.UNEXPECTED})


def check_caller(*, caller: Caller, origin: Origin, endpoint: str, now: datetime) -> bool:
    """Say whether the address may call, and note the call; a subaccount is judged by its account's list.

    A token's own list was asked with the caller's row, and the mode came with it, so an account whose list
    is off costs no query. A change of the list acts on the next call.
    """
    is_expected = caller.is_expected
    verdict = verdict_on(caller.account, ip=origin.ip, now=now) if is_expected else Verdict.UNEXPECTED
    if verdict not in _REFUSALS and not caller.is_main and _is_narrowed(caller, origin.ip, now):
        verdict = Verdict.REFUSED
    note_caller(caller=caller, origin=origin, endpoint=endpoint, verdict=verdict, now=now)
    return verdict not in _REFUSALS


def _is_narrowed(caller: Caller, ip: str | None, now: datetime) -> bool:
    """Say whether a list of the subaccount's own refuses an address that its account's list let in."""
    return not all(allows(caller=caller, ip=ip, now=now) for allows in _narrowings())


@cache
def _narrowings() -> tuple[Callable[..., bool], ...]:
    return tuple(import_string(path) for path in settings.ALLOWLIST_NARROWINGS)


def verdict_on(account: Account, *, ip: str | None, now: datetime) -> str:
    """Return what the list says to the address; an unknown address is on no list."""
    if account.allowlist_mode == Mode.OFF:
        return Verdict.ADMITTED
    is_over, is_listed = _look_up(account, ip, now)
    if is_listed:
        return Verdict.ADMITTED
    # Past its deadline an unconfirmed list only reports, whether or not the task has put it back yet.
    is_reporting = account.allowlist_mode == Mode.REPORT or is_over
    return Verdict.REPORTED if is_reporting else Verdict.REFUSED


def _look_up(account: Account, ip: str | None, now: datetime) -> tuple[bool, bool]:
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"account": account.pk, "ip": ip, "now": now})
        found = cursor.fetchone()
    return (bool(found[0]), bool(found[1])) if found else (False, False)
