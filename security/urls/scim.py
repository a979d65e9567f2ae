"""Addresses of SCIM 2.0."""

from django.urls import path, re_path

from security.views import scim, scim_pages

_BASE = r"^scim/v2"
_PAGES = "<auth_id:account>/account/settings/security/provisioning/"

urlpatterns = [
    path(_PAGES, scim_pages.provisioning, name="provisioning"),
    path(f"{_PAGES}token/", scim_pages.provisioning_token, name="provisioning_token"),
    path(
        f"{_PAGES}tokens/<uuid:credential>/revoke/",
        scim_pages.provisioning_revoke,
        name="provisioning_revoke",
    ),
    path(f"{_PAGES}groups/<uuid:public_id>/", scim_pages.provisioning_group, name="provisioning_group"),
    re_path(rf"{_BASE}/ServiceProviderConfig/?\Z", scim.config, name="scim_config"),
    re_path(rf"{_BASE}/ResourceTypes/?\Z", scim.resource_types, name="scim_types"),
    re_path(rf"{_BASE}/ResourceTypes/(?P<name>[^/]+)/?\Z", scim.resource_types, name="scim_type"),
    re_path(rf"{_BASE}/Schemas/?\Z", scim.schemas, name="scim_schemas"),
    re_path(rf"{_BASE}/Schemas/(?P<name>[^/]+)/?\Z", scim.schemas, name="scim_schema"),
    re_path(rf"{_BASE}/Users/?\Z", scim.users, name="scim_users"),
    re_path(rf"{_BASE}/Groups/?\Z", scim.groups, name="scim_groups"),
    path("scim/v2/.search", scim.not_offered, name="scim_search"),
    path("scim/v2/Users/.search", scim.not_offered, name="scim_user_search"),
    path("scim/v2/Groups/.search", scim.not_offered, name="scim_group_search"),
    path("scim/v2/Me", scim.not_offered, name="scim_me"),
    path("scim/v2/Bulk", scim.not_offered, name="scim_bulk"),
    re_path(rf"{_BASE}/Users/(?P<key>[^/]+)/?\Z", scim.user, name="scim_user"),
    re_path(rf"{_BASE}/Groups/(?P<key>[^/]+)/?\Z", scim.group, name="scim_group"),
    path("scim/", scim.unknown, name="scim_nowhere"),
    path("scim/<path:path>", scim.unknown, name="scim_unknown"),
]
