"""Show and change what a person and a company say about themselves."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.forms.profile import CompanyForm, ProfileForm
from accounts.services import profile as services
from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest

_COMPANY_FIELDS = ("name", "address", "city", "region", "time_zone")


@access(Permission.SELF_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: ConsoleRequest) -> HttpResponse:
    """Show the person and their company; change the person's name."""
    user = request.actor.user
    form = ProfileForm(
        request.POST if request.method == "POST" else None, initial={"full_name": user.full_name}
    )
    if form.is_valid():
        try:
            services.rename_person(actor=request.actor, **form.cleaned_data)
        except services.ProfileRefused as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, "Your name is saved.")
            return redirect("accounts:profile", account=request.actor.account.auth_id)
    context = {"form": form, "account": request.actor.account, "phone": masked(user.phone)}
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)


@access(Permission.COMPANY_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def company_edit(request: ConsoleRequest) -> HttpResponse:
    """Change the company's name, address and time zone."""
    account = request.actor.account
    initial = {field: getattr(account, field) for field in _COMPANY_FIELDS}
    form = CompanyForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            services.update_company(actor=request.actor, **form.cleaned_data)
        except services.ProfileRefused as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, "The company profile is saved.")
            return redirect("accounts:profile", account=account.auth_id)
    return render(request, "accounts/company_edit.html", {"form": form}, status=422 if form.errors else 200)


def masked(number: str) -> str:
    """Return the number with all but its country code's beginning and its last two digits hidden."""
    return f"{number[:3]} •••• ••{number[-2:]}" if number else ""
