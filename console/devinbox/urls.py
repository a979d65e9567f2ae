"""Addresses of the dev inbox, mounted in development only."""

from django.urls import path

from console.devinbox import views

app_name = "devinbox"
urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("inbox.json", views.inbox_json, name="inbox_json"),
    path("inbox/<uuid:message>/", views.message, name="message"),
]
