import pytest
from django.urls import reverse
from django.utils import timezone


@pytest.mark.parametrize(("zone", "shown"), [("Pacific/Auckland", "in Pacific/Auckland"), ("UTC", "in UTC")])
def test_pages_of_an_account_show_its_own_time(client, cast, zone, shown):
    cast.account.time_zone = zone
    cast.account.save()
    cast.sign_in(client, "owner")
    before = timezone.now()
    body = client.get(reverse("overview", args=[cast.account.auth_id])).content.decode()
    with timezone.override(zone):
        moments = {timezone.localtime(moment) for moment in (before, timezone.now())}
    assert any(f"{moment:%H:%M} {shown}" in body for moment in moments)


def test_zone_of_an_account_ends_with_the_request(client, cast):
    cast.account.time_zone = "Pacific/Auckland"
    cast.account.save()
    cast.sign_in(client, "owner")
    client.get(reverse("overview", args=[cast.account.auth_id]))
    assert timezone.get_current_timezone_name() == "UTC"
