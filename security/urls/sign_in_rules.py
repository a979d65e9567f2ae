"""Addresses of the rules for signing in."""

from django.urls import path

from security.views import sign_in_rules

urlpatterns = [
    path(
        "<auth_id:account>/account/settings/security/rules/",
        sign_in_rules.sign_in_rules,
        name="sign_in_rules",
    ),
]
