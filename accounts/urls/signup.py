"""Addresses of signing up."""

from django.urls import path

from accounts.views import activation, legal, signup

urlpatterns = [
    path("sign-up/", signup.sign_up, name="sign_up"),
    path("sign-up/check-mail/", signup.activation_sent, name="activation_sent"),
    path("sign-up/check-mail/again/", signup.activation_resend, name="activation_resend"),
    path("password-advice/", signup.password_advice, name="password_advice"),
    path("activate/", activation.activate, name="activate"),
    path("activate/new-link/", activation.activation_request, name="activation_request"),
    path("activate/<str:token>/", activation.activate_link, name="activate_link"),
    path("terms/", legal.terms, name="terms"),
    path("privacy/", legal.privacy, name="privacy"),
]
