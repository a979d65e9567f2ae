"""Addresses of the accounts app."""

from accounts.urls import sign_in, signup

app_name = "accounts"
urlpatterns = [*signup.urlpatterns, *sign_in.urlpatterns]
