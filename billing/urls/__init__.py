"""Addresses of billing, a module an area."""

from django.urls import URLPattern

app_name = "billing"
urlpatterns: list[URLPattern] = []
