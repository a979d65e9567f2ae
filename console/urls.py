"""Mount the apps; nothing else."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path, register_converter

from console.core.api import unknown_path
from console.core.routes import AuthIdConverter

register_converter(AuthIdConverter, "auth_id")

# Django's own page for passwords would go around the console's rules, mails and audit log.
_CLOSED = {"password_change", "password_change_done"}
_admin_patterns, _admin_app, _admin_space = admin.site.urls
_staff = [entry for entry in _admin_patterns if getattr(entry, "name", None) not in _CLOSED]

urlpatterns = [
    path("", include("console.overview.urls")),
    path("", include("console.core.urls")),
    path("", include("accounts.urls")),
    path("", include("security.urls")),
    path("", include("teams.urls")),
    path("", include("subaccounts.urls")),
    path("", include("billing.urls")),
    path("admin/", (_staff, _admin_app, _admin_space)),
    re_path(r"^v1/Account/(?P<auth_id>[^/]+)/", unknown_path, name="api_unknown"),
    re_path(r"^v1/", unknown_path, name="api_nowhere"),
]
if settings.IS_DEVELOPMENT:
    urlpatterns.append(path("dev/", include("console.devinbox.urls")))

handler400 = "console.errors.bad_request"
handler403 = "console.errors.forbidden"
handler404 = "console.errors.not_found"
handler500 = "console.errors.server_error"
