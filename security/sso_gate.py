"""Keep sessions to what their sign-in proved: an account's provider opens that account, and no other.

A session keeps under ``sso`` which providers vouched for its person and for which accounts, and whether the person
proved a password and factors of their own as well.
"""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.sessions import session_row
from security.models import SsoConnection
from security.services.sso_logout import begin_logout
from teams.models import Membership
from teams.roles import Role

_KEY = "sso"


def note_vouched(request: Any, connection: SsoConnection, *, is_own: bool) -> None:
    """Write into the session that the provider vouched; ``is_own`` if the person proved their own factors too."""
    kept = request.session.get(_KEY) or {"connections": [], "accounts": [], "own": is_own}
    request.session[_KEY] = {
        "connections": sorted({*kept["connections"], str(connection.public_id)}),
        "accounts": sorted({*kept["accounts"], connection.account_id}),
        "own": kept["own"],
    }


def is_own(request: Any) -> bool:
    """Say whether the session rests on the person's own password and factors, not on a provider alone."""
    kept = request.session.get(_KEY)
    return kept is None or bool(kept["own"])


def vouching_ids(request: Any) -> list[UUID]:
    """Return the ids of the connections whose providers vouched for this session."""
    return [UUID(text) for text in (request.session.get(_KEY) or {}).get("connections", [])]


def confirming(request: Any) -> SsoConnection | None:
    """Return the provider by which the person may confirm an act, or None.

    It vouched for this session, and every account of the person is its own: what it says reaches no other account.
    """
    kept = request.session.get(_KEY)
    if not kept:
        return None
    # Memberships that rest count as well: their accounts may open again.
    accounts = Membership.unscoped.filter(user=request.user).values_list("account_id", flat=True)
    if not set(accounts) <= set(kept["accounts"]):
        return None
    rows = SsoConnection.unscoped.filter(public_id__in=vouching_ids(request), state=SsoConnection.State.ON)
    return rows.select_related("account").first()


def admit(request: Any) -> HttpResponse | None:
    """Return None if the session may open the account, else lead to the sign-in that is missing."""
    account = request.actor.account
    member = next((found for found in request.actor.memberships if found.account_id == account.pk), None)
    rule = getattr(member, "sso_rule", None)
    is_owner = member is not None and member.role == Role.OWNER
    kept = request.session.get(_KEY) or {"connections": [], "accounts": [], "own": True}
    if rule and not is_owner and str(rule) not in kept["connections"]:
        return _lead(request, reverse("security:sso_needed", kwargs={"connection": rule}))
    if not kept["own"] and account.pk not in kept["accounts"]:
        return _lead(request, reverse("security:sso_elsewhere"))
    return None


def _lead(request: Any, address: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    following = request.get_full_path()[:1000] if request.method in {"GET", "HEAD"} else "/"
    return redirect(f"{address}?{urlencode({'next': following})}")


def after_sign_out(request: Any) -> dict[str, str] | None:
    """Return name and address of the provider at which the session goes on; called before our side ends."""
    if _KEY not in request.session:
        return None
    row = session_row(request)
    farewell = begin_logout(session_id=row.public_id, now=timezone.now()) if row and row.user_id else None
    return {"name": farewell.name, "url": farewell.url} if farewell else None
