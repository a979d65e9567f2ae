"""Look up subaccounts: one by its Auth ID, and those of an account with their live Auth Tokens."""

import re
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from accounts.models import Account, Credential
from subaccounts.models import Subaccount

_AUTH_ID = re.compile(r"SA[A-Z0-9]{18}")
_PRIMARY = Credential.objects.filter(kind=Credential.Kind.PRIMARY, ended_at=None).order_by("made_at", "id")


def live_subaccounts(account: Account) -> QuerySet[Subaccount]:
    """Return the account's subaccounts that are not deleted."""
    return Subaccount.objects.of(account).filter(deleted_at=None).select_related("identity")


def find_subaccount(
    account: Account, auth_id: str, rows: QuerySet[Subaccount] | None = None
) -> Subaccount | None:
    """Return one subaccount of the account that is not deleted, out of ``rows`` of the account if given."""
    # What has another shape, NUL included, never reaches the database.
    if not _AUTH_ID.fullmatch(auth_id):
        return None
    found = live_subaccounts(account) if rows is None else rows
    return found.filter(auth_id=auth_id).first()


def with_tokens(rows: QuerySet[Subaccount]) -> QuerySet[Subaccount]:
    """Have each subaccount bring its Auth Tokens that nobody ended, in one query more."""
    return rows.prefetch_related(Prefetch("identity__credentials", queryset=_PRIMARY, to_attr="unended"))


def live_tokens(subaccount: Subaccount, *, now: datetime) -> list[Credential]:
    """Return the live Auth Tokens, oldest first, of a subaccount that came by ``with_tokens``."""
    return [token for token in subaccount.identity.unended if token.is_live(now)]  # type: ignore[attr-defined]
