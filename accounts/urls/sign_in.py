"""Addresses of signing in, sessions, passwords and profiles."""

from django.urls import path

from accounts.views import password, profile, sessions, sign_in, theme

_SETTINGS = "<auth_id:account>/account/settings"
_SESSIONS = f"{_SETTINGS}/security/sessions"

urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-in/password/", sign_in.sign_in_password, name="sign_in_password"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("reset/", password.password_reset, name="password_reset"),
    path("reset/sent/", password.password_reset_sent, name="password_reset_sent"),
    path("reset/new/", password.password_reset_new, name="password_reset_new"),
    path("reset/<str:token>/", password.password_reset_open, name="password_reset_open"),
    path("not-me/", password.not_me, name="not_me"),
    path("not-me/<str:token>/", password.not_me_open, name="not_me_open"),
    path("theme/", theme.theme_set, name="theme_set"),
    path(f"{_SESSIONS}/", sessions.session_list, name="session_list"),
    path(f"{_SESSIONS}/end-others/", sessions.sessions_end_others, name="sessions_end_others"),
    path(f"{_SESSIONS}/<uuid:session>/end/", sessions.session_end, name="session_end"),
    path(f"{_SETTINGS}/profile/", profile.profile, name="profile"),
    path(f"{_SETTINGS}/profile/company/", profile.company_edit, name="company_edit"),
    path(f"{_SETTINGS}/profile/password/", password.password_change, name="password_change"),
]
