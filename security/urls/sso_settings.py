"""Addresses of the settings of single sign-on."""

from django.urls import path

from security.views import sso_settings, sso_switch

_SSO = "<auth_id:account>/account/settings/security/sso/"

urlpatterns = [
    path(_SSO, sso_settings.sso, name="sso"),
    path(f"{_SSO}provider/", sso_settings.sso_provider, name="sso_provider"),
    path(f"{_SSO}guide/", sso_settings.sso_guide, name="sso_guide"),
    path(f"{_SSO}connect/", sso_settings.sso_connect, name="sso_connect"),
    path(f"{_SSO}attributes/", sso_settings.sso_attributes, name="sso_attributes"),
    path(f"{_SSO}rules/", sso_settings.sso_rules, name="sso_rules"),
    path(f"{_SSO}rules/groups/add/", sso_settings.sso_group_add, name="sso_group_add"),
    path(
        f"{_SSO}rules/groups/<uuid:public_id>/remove/", sso_settings.sso_group_remove, name="sso_group_remove"
    ),
    path(f"{_SSO}tests/<uuid:public_id>/", sso_switch.sso_test_result, name="sso_test_result"),
    path(f"{_SSO}on/", sso_switch.sso_turn_on, name="sso_turn_on"),
    path(f"{_SSO}off/", sso_switch.sso_turn_off, name="sso_turn_off"),
    path(f"{_SSO}enforce/", sso_switch.sso_enforce, name="sso_enforce"),
    path(f"{_SSO}relax/", sso_switch.sso_relax, name="sso_relax"),
    path(f"{_SSO}remove/", sso_switch.sso_remove, name="sso_remove"),
    path(f"{_SSO}certificates/add/", sso_switch.sso_certificate_add, name="sso_certificate_add"),
    path(
        f"{_SSO}certificates/<uuid:public_id>/remove/",
        sso_switch.sso_certificate_remove,
        name="sso_certificate_remove",
    ),
    path(f"{_SSO}domains/add/", sso_switch.sso_domain_add, name="sso_domain_add"),
    path(f"{_SSO}domains/<uuid:public_id>/check/", sso_switch.sso_domain_check, name="sso_domain_check"),
    path(f"{_SSO}domains/<uuid:public_id>/remove/", sso_switch.sso_domain_remove, name="sso_domain_remove"),
]
