"""Show what the HTTP API offers, with examples for the reader's own account."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.core import api_reference as reference
from console.core import openapi
from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest


@access(Permission.CREDENTIAL_VIEW)
@require_safe
def api_reference(request: ConsoleRequest) -> HttpResponse:
    """Show each operation of the API."""
    values = {"{auth_id}": request.actor.account.auth_id, "{base}": settings.BASE_URL}
    chapters = reference.chapters(values)
    context: dict[str, Any] = {
        "chapters": chapters,
        "sections": reference.sections(chapters),
        "rules": openapi.rules(),
        "api_url": f"{settings.BASE_URL}/v1/Account/{request.actor.account.auth_id}/",
    }
    return render(request, "accounts/api_reference.html", context)
