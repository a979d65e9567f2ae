"""Addresses of phone numbers: pages, and the resources in the HTTP API."""

from django.urls import path, register_converter

from subaccounts.api import free_numbers
from subaccounts.api import numbers as api
from subaccounts.views import numbers


class NumberConverter:
    """A number in E.164 form without its plus."""

    regex = "[1-9][0-9]{6,14}"

    def to_python(self, value: str) -> str:
        """Return the digits."""
        return value

    def to_url(self, value: str) -> str:
        """Return the digits."""
        return value


register_converter(NumberConverter, "e164")
_YOURS = "<auth_id:account>/phone-numbers/yours/"
_RENT = "<auth_id:account>/phone-numbers/rent/"

urlpatterns = [
    path(_YOURS, numbers.number_list, name="number_list"),
    path(f"{_YOURS}<e164:number>/", numbers.number, name="number"),
    path(f"{_YOURS}<e164:number>/change/", numbers.number_change, name="number_change"),
    path(f"{_YOURS}<e164:number>/move/", numbers.number_move, name="number_move"),
    path(f"{_YOURS}<e164:number>/give-back/", numbers.number_release, name="number_release"),
    path(_RENT, numbers.number_search, name="number_search"),
    path(f"{_RENT}<e164:number>/", numbers.number_rent, name="number_rent"),
    *api.urlpatterns,
    *free_numbers.urlpatterns,
]
