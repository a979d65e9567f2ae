"""The legal texts that people accept when they sign up."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.core.access import access
from console.core.permissions import Gate


@access(Gate.PUBLIC)
@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """Show the terms of service."""
    return render(request, "accounts/terms.html")


@access(Gate.PUBLIC)
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Show the privacy notice."""
    return render(request, "accounts/privacy.html")
