"""Every page that opens without a form: axe finds nothing, wide and light or narrow and dark, and nothing scrolls sideways."""

from django.urls import reverse

from tests.architecture.routes import arguments_of, console_routes
from tests.journeys import steps

LOOKS = [(1440, "light"), (390, "dark")]
_WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def _addresses(auth_id):
    for route in console_routes():
        yield reverse(route.name, kwargs=arguments_of(route, auth_id))


def _pages(page, addresses):
    """Return the addresses that answer with a page of their own, and one for each kind of refusal."""
    refusals = set()
    for address in addresses:
        answer = page.request.get(address, max_redirects=0)
        is_page = "text/html" in answer.headers.get("content-type", "")
        is_file = "attachment" in answer.headers.get("content-disposition", "")
        if not is_page or is_file or answer.status not in {200, 403, 404, 405, 410}:
            continue
        if answer.status == 200 or answer.status not in refusals:
            yield address
        refusals.add(answer.status)


def _look_at(page, watch, addresses):
    """Look at every page wide and narrow; axe sees every other one light, the rest dark."""
    seen = 0
    for address in _pages(page, addresses):
        page.emulate_media(color_scheme=LOOKS[seen % 2][1], reduced_motion="reduce")
        page.goto(address)
        for width, _ in LOOKS[:: 1 if seen % 2 else -1]:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(_WIDER) <= 0, f"{address} scrolls sideways at {width}"
        watch.check()
        seen += 1
    return seen


def test_visitor_finds_every_page_in_order(page, watch, demo):
    addresses = [a for a in _addresses(demo["accounts"][0]["auth_id"]) if "/MA" not in a]
    assert _look_at(page, watch, addresses) > 10


def test_owner_finds_every_page_in_order(page, watch, demo):
    account = demo["accounts"][1]
    steps.sign_in(page, account["users"][0])
    addresses = [a for a in _addresses(account["auth_id"]) if "/MA" in a and "/v1/" not in a]
    assert _look_at(page, watch, addresses) > 10
