"""Addresses of the rule for sessions."""

from django.urls import path

from security.views import session_policy

urlpatterns = [
    path(
        "<auth_id:account>/account/settings/security/rules/sessions/",
        session_policy.session_policy,
        name="session_policy",
    ),
]
