"""Change how long the members of an account stay signed in."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import services
from security.forms import SessionPolicyForm


@access(Permission.SECURITY_MANAGE, recent_auth=True, deed="change how long members stay signed in")
@require_http_methods(["GET", "HEAD", "POST"])
def session_policy(request: ConsoleRequest) -> HttpResponse:
    """Show the rule for sessions, and change it."""
    form = SessionPolicyForm.of(request.actor.account)
    if request.method == "POST":
        form = SessionPolicyForm(request.POST)
        if form.is_valid():
            is_new = services.change_session_policy(actor=request.actor, **form.cleaned_data)
            messages.success(request, _SAVED if is_new else "Nothing changed: this is the rule already.")
            return redirect("security:sign_in_rules", account=request.actor.account.auth_id)
    context = {"session_policy": form}
    return render(request, "security/session_policy.html", context, status=422 if form.errors else 200)


_SAVED = "The rule is saved. It holds from each member's next click on; sessions that are older end."
