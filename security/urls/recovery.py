"""Addresses of getting back in after every factor is lost."""

from django.urls import path

from security.views import recovery

urlpatterns = [
    path("sign-in/second-factor/lost/", recovery.recovery_ask, name="recovery_ask"),
    path("sign-in/second-factor/lost/sent/", recovery.recovery_asked, name="recovery_asked"),
    path("sign-in/recovered/", recovery.recovery_resume, name="recovery_resume"),
    path("recovery/confirm/", recovery.recovery_confirm, name="recovery_confirm"),
    path("recovery/confirm/<str:token>/", recovery.recovery_confirm_open, name="recovery_confirm_open"),
    path("recovery/cancel/", recovery.recovery_cancel, name="recovery_cancel"),
    path("recovery/cancel/<str:token>/", recovery.recovery_cancel_open, name="recovery_cancel_open"),
    path("recovery/finish/", recovery.recovery_finish, name="recovery_finish"),
    path("recovery/finish/<str:token>/", recovery.recovery_finish_open, name="recovery_finish_open"),
]
