"""Addresses of the security app."""

app_name = "security"
urlpatterns: list = []
