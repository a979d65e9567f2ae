"""Addresses of the overview."""

from django.urls import path

from console.overview import views

urlpatterns = [
    path("", views.home, name="home"),
    path("<auth_id:account>/", views.overview, name="overview"),
]
