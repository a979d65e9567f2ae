"""Addresses of subaccounts: pages, and the resource in the HTTP API."""

from django.urls import path

from subaccounts.api import subaccounts as api
from subaccounts.views import limits, subaccounts, token_holders

_ALL = "<auth_id:account>/subaccounts"
_ONE = f"{_ALL}/<str:subaccount>"
_TOKENS = f"{_ONE}/tokens"

urlpatterns = [
    path(f"{_ALL}/", subaccounts.subaccount_list, name="subaccount_list"),
    path(f"{_ALL}/new/", subaccounts.subaccount_make, name="subaccount_make"),
    path(f"{_ONE}/", subaccounts.subaccount, name="subaccount"),
    path(f"{_ONE}/rename/", subaccounts.subaccount_rename, name="subaccount_rename"),
    path(f"{_ONE}/disable/", subaccounts.subaccount_disable, name="subaccount_disable"),
    path(f"{_ONE}/enable/", subaccounts.subaccount_enable, name="subaccount_enable"),
    path(f"{_ONE}/delete/", subaccounts.subaccount_delete, name="subaccount_delete"),
    path(f"{_ONE}/limit/", limits.limit_edit, name="limit_edit"),
    path(f"{_ONE}/addresses/", limits.networks_edit, name="networks_edit"),
    # What lies below a list of tokens has the same names as below the account's own.
    path(f"{_TOKENS}/", token_holders.token_list, name="token_list"),
    path(f"{_TOKENS}/make/", token_holders.token_make, name="token_make"),
    path(f"{_TOKENS}/<uuid:public_id>/revoke/", token_holders.token_revoke, name="token_revoke"),
    path(f"{_TOKENS}/<uuid:public_id>/callers/", token_holders.token_callers, name="token_callers"),
    path(f"{_TOKENS}/<uuid:public_id>/extend/", token_holders.token_extend, name="token_extend"),
    *api.urlpatterns,
]
