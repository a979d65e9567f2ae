"""Read which page of a list is asked for."""

from django.http import Http404

from console.core.requests import ConsoleRequest

_LAST_PAGE = 10_000


def page_number(request: ConsoleRequest, name: str = "page") -> int:
    """Return the number of the page in the address, 1 if there is none.

    :raises Http404: if it is no such number
    """
    text = request.GET.get(name, "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _LAST_PAGE):
        raise Http404
    return int(text)
