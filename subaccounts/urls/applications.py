"""Addresses of applications and endpoints: pages, and the resources in the HTTP API."""

from django.urls import path

from subaccounts.api import applications as application_api
from subaccounts.api import endpoints as endpoint_api
from subaccounts.views import applications, endpoints

_APPLICATIONS = "<auth_id:account>/voice/applications"
_APPLICATION = f"{_APPLICATIONS}/<str:app_id>"
_ENDPOINTS = "<auth_id:account>/voice/endpoints"
_ENDPOINT = f"{_ENDPOINTS}/<str:endpoint_id>"

urlpatterns = [
    path(f"{_APPLICATIONS}/", applications.application_list, name="application_list"),
    path(f"{_APPLICATIONS}/new/", applications.application_create, name="application_create"),
    path(f"{_APPLICATION}/", applications.application, name="application"),
    path(f"{_APPLICATION}/move/", applications.application_move, name="application_move"),
    path(f"{_APPLICATION}/delete/", applications.application_delete, name="application_delete"),
    path(f"{_ENDPOINTS}/", endpoints.endpoint_list, name="endpoint_list"),
    path(f"{_ENDPOINTS}/new/", endpoints.endpoint_create, name="endpoint_create"),
    path(f"{_ENDPOINT}/", endpoints.endpoint, name="endpoint"),
    path(f"{_ENDPOINT}/move/", endpoints.endpoint_move, name="endpoint_move"),
    path(f"{_ENDPOINT}/delete/", endpoints.endpoint_delete, name="endpoint_delete"),
    *application_api.urlpatterns,
    *endpoint_api.urlpatterns,
]
