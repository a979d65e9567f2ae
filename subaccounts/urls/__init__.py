"""Addresses of subaccounts and resources, a module an area."""

from django.urls import URLPattern

app_name = "subaccounts"
urlpatterns: list[URLPattern] = []
