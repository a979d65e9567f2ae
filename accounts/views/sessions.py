"""List where a person is signed in, and end what they no longer want."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.queries.sessions import limits_for, places_of
from accounts.services import sessions
from accounts.sessions import own_session
from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest


@access(Permission.SELF_MANAGE)
@require_safe
def session_list(request: ConsoleRequest) -> HttpResponse:
    """Show each session with device, place and times."""
    user = request.actor.user
    limits = limits_for(user)
    places = places_of(user, current=own_session(request), limits=limits, now=timezone.now())
    context = {
        "places": places,
        "limits": limits,
        "has_others": len(places) > 1,
        "may_change": request.actor.can(Permission.SECURITY_MANAGE),
    }
    return render(request, "accounts/session_list.html", context)


@access(Permission.SELF_MANAGE, recent_auth=True, deed="end a session")
@require_POST
def session_end(request: ConsoleRequest, session: uuid.UUID) -> HttpResponse:
    """End one session."""
    try:
        ended = sessions.close_session(actor=request.actor, public_id=session)
    except sessions.NoSuchSession as error:
        raise Http404 from error
    if own_session(request).public_id == ended.public_id:
        request.session.flush()
        return redirect("accounts:sign_in")
    messages.success(request, "The session has ended. That device has to sign in again.")
    return redirect("accounts:session_list", account=request.actor.account.auth_id)


@access(Permission.SELF_MANAGE, recent_auth=True, deed="sign out everywhere else")
@require_POST
def sessions_end_others(request: ConsoleRequest) -> HttpResponse:
    """End every session but this one."""
    count = sessions.close_other_sessions(actor=request.actor, keep=own_session(request))
    noun = "session has" if count == 1 else "sessions have"
    messages.success(
        request, f"{count} other {noun} ended." if count else "There was no other session to end."
    )
    return redirect("accounts:session_list", account=request.actor.account.auth_id)
