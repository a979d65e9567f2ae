"""Addresses of the IP allowlist."""

from django.urls import path

from security.views import allowlist

_ALLOWLIST = "<auth_id:account>/account/settings/ip-whitelisting/"

urlpatterns = [
    path(_ALLOWLIST, allowlist.allowlist, name="allowlist"),
    path(f"{_ALLOWLIST}request/", allowlist.allowlist_request, name="allowlist_request"),
    path(f"{_ALLOWLIST}add/", allowlist.allowlist_add, name="allowlist_add"),
    path(f"{_ALLOWLIST}mode/<slug:mode>/", allowlist.allowlist_mode, name="allowlist_mode"),
    path(f"{_ALLOWLIST}confirm/", allowlist.allowlist_confirm, name="allowlist_confirm"),
    path(f"{_ALLOWLIST}<uuid:public_id>/", allowlist.allowlist_change, name="allowlist_change"),
    path(f"{_ALLOWLIST}<uuid:public_id>/remove/", allowlist.allowlist_remove, name="allowlist_remove"),
]
