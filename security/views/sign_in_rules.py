"""Let owner and admins say how members sign in, and see who with what."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import User
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import queries, services
from security.forms import FactorPolicyForm, SessionPolicyForm
from security.forms.rules import STRONG
from security.sign_in_rules import rule_of
from security.views.answers import blame

_PAGE = 25
_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Member:
    """One member as the page lists them."""

    user: User
    role: str
    factors: str
    is_strong: bool


@access(Permission.SECURITY_MANAGE, recent_auth=True, deed="change with what members sign in")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_rules(request: ConsoleRequest) -> HttpResponse:
    """Show what the account asks of its members, and change it."""
    now, status = timezone.now(), 200
    if request.method != "POST":
        form = FactorPolicyForm.of(rule_of(request.actor.account))
        return render(request, "security/sign_in_rules.html", _page(request, form))
    form, status = FactorPolicyForm(request.POST), 422
    if form.is_valid():
        is_required = form.cleaned_data["requires"] == STRONG
        try:
            is_new = services.set_factor_policy(
                actor=request.actor, is_required=is_required, grace_days=form.cleaned_data["grace"], now=now
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            messages.success(request, _SAVED if is_new else "Nothing changed: this is the rule already.")
            return redirect("security:sign_in_rules", account=request.actor.account.auth_id)
    return render(request, "security/sign_in_rules.html", _page(request, form), status=status)


_SAVED = "The rule is saved. Members who have to act are told by mail."


def _page(request: ConsoleRequest, form: FactorPolicyForm) -> dict[str, Any]:
    account = request.actor.account
    rule, now = rule_of(account), timezone.now()
    counts = queries.count_members(account)
    return {
        "form": form,
        "rule": rule,
        "is_enforced": rule is not None and rule.is_enforced(now),
        "counts": counts,
        "is_settled": counts["all"] > 0 and not counts["without"],
        "session_policy": SessionPolicyForm.of(account),
        **_listed(request, queries.members_with_factors(account)),
    }


def _listed(request: ConsoleRequest, rows: QuerySet[Any]) -> dict[str, Any]:
    """Return one page of the members that the filters leave."""
    who, text = request.GET.get("who", "without"), request.GET.get("q", "").strip()[:100].replace("\0", "")
    if who != "everyone":
        who, rows = "without", rows.filter(has_app=False, has_passkey=False)
    if text:
        rows = rows.filter(Q(user__full_name__icontains=text) | Q(user__email_key__icontains=text.lower()))
    number = _number(request.GET.get("page", ""))
    start = (number - 1) * _PAGE
    found = list(rows[start : start + _PAGE + 1])
    words = {"who": who} | ({"q": text} if text else {})
    return {
        "who": who,
        "q": text,
        "members": [_member(row) for row in found[:_PAGE]],
        "span": f"{start + 1} to {start + len(found[:_PAGE])}",
        "next_url": f"?{urlencode(words | {'page': number + 1})}" if len(found) > _PAGE else "",
        "previous_url": f"?{urlencode(words | {'page': number - 1})}" if number > 1 else "",
    }


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 6  # noqa: PLR2004 - five digits are plenty
    return min(max(int(text), 1), _MOST_PAGES) if is_number else 1


def _member(row: Any) -> Member:
    names = [("Passkey", row.has_passkey), ("Authenticator app", row.has_app), ("Phone code", row.has_phone)]
    factors = ", ".join(name for name, is_there in names if is_there)
    return Member(row.user, row.get_role_display(), factors, is_strong=row.has_passkey or row.has_app)
