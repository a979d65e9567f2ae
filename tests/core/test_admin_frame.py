import re

import pytest
from django.urls import reverse


@pytest.mark.parametrize("route", ["admin:index", "admin:accounts_user_changelist"])
def test_admin_wears_the_sites_name_and_leads_back(client, cast, settings, route):
    cast.sign_in(client, "staff")
    body = client.get(reverse(route)).content.decode()
    assert f">{settings.SITE_NAME} staff</a>" in body
    assert f'<a href="{reverse("home")}">Console</a>' in body
    assert f'action="{reverse("accounts:sign_out")}"' in body
    assert "Django" not in re.search("<title>(.*?)</title>", body, re.DOTALL)[1]


def test_admin_holds_nothing_that_the_policy_blocks(client, cast):
    cast.sign_in(client, "staff")
    body = client.get(reverse("admin:index")).content.decode()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", body)
    assert not re.search(r"<script(?![^>]*\ssrc=)", body)


def test_djangos_own_password_page_is_closed(client, cast):
    cast.sign_in(client, "staff")
    assert client.get("/admin/password_change/").status_code == 404
