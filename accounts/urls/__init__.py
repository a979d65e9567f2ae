"""Addresses of the accounts app."""

from accounts.urls import credentials, named_tokens, sign_in, signup

app_name = "accounts"
urlpatterns = [*signup.urlpatterns, *sign_in.urlpatterns, *credentials.urlpatterns, *named_tokens.urlpatterns]
