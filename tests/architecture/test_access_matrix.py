"""Every address answers every role as its declaration says: nobody, own account, other account."""

import itertools

import pytest
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse

from console.core.access import find_access
from console.core.permissions import Gate, Permission
from teams.roles import RIGHTS, Role
from tests.architecture.routes import arguments_of, console_routes

ROUTES = console_routes()
WHO = ["anonymous", "outsider", "staff", *Role.values]
METHODS = ["get", "post"]
IDS = [route.name for route in ROUTES]


def _address(route, auth_id):
    try:
        return reverse(route.name, kwargs=arguments_of(route, auth_id))
    except NoReverseMatch:
        pytest.fail(f"{route.name} cannot be built from its sample arguments")


def _call(client, cast, route, who, method):
    cast.sign_in(client, who)
    return getattr(client, method)(_address(route, cast.account.auth_id))


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_route_answers_each_role(cast, route):
    for who, method in itertools.product(WHO, METHODS):
        with transaction.atomic():
            _check(_call(Client(), cast, route, who, method), route, who)
            transaction.set_rollback(True)


def _check(response, route, who):
    declared = find_access(route.view).right
    assert response.status_code < 500 or route.name == "health_ready"
    if isinstance(declared, Permission):
        _check_permission(response, declared, who)
    elif declared is Gate.SIGNED_IN and who == "anonymous":
        assert response.status_code == 302
        assert response.url.startswith("/sign-in/")
    elif declared is Gate.SIGNING_IN:
        # A finished session is no unfinished sign-in.
        assert response.status_code == 302
    elif declared is Gate.MACHINE:
        assert response.status_code in {401, 404, 405, 400, 403}
    elif declared is Gate.STAFF and who != "staff":
        assert response.status_code in {302, 404}


def _check_permission(response, right, who):
    if who == "anonymous":
        assert response.status_code == 302
        assert response.url.startswith("/sign-in/")
    elif who in {"outsider", "staff"}:
        assert response.status_code == 404
    elif right not in RIGHTS[Role(who)]:
        assert response.status_code == 403
        assert b"Owner" in response.content
    else:
        assert response.status_code not in {401, 403}


def test_403_names_the_roles_that_could(client, cast):
    from django.test import RequestFactory

    from console.core.access import AccessRefused
    from console.errors import forbidden

    response = forbidden(RequestFactory().get("/x/"), AccessRefused(Permission.CREDENTIAL_MANAGE))
    assert response.status_code == 403
    assert "Owner" in response.content.decode()
    assert "Admin" in response.content.decode()


@pytest.mark.parametrize("state", ["no-factor", "no-phone", "not-confirmed"])
def test_unfinished_sign_in_opens_no_account_page(client, cast, state):
    session = client.session
    session["sign_in"] = {
        "user": cast.owner.pk,
        "started_at": "2026-01-01T00:00:00+00:00",
        "password": cast.owner.password[-24:],
        "binding": "x",
        "methods": ["password"],
        "facts": {},
    }
    session.save()
    for route in ROUTES:
        if isinstance(find_access(route.view).right, Permission):
            response = client.get(_address(route, cast.account.auth_id))
            assert response.status_code == 302
            assert response.url.startswith("/sign-in/")


def test_subclass_of_methods_is_refused_with_405(client, cast):
    cast.sign_in(client, "owner")
    for route in ROUTES:
        if find_access(route.view).right in {Gate.MACHINE, Gate.SIGNING_IN}:
            continue
        for method in ("put", "patch", "delete"):
            response = getattr(client, method)(_address(route, cast.account.auth_id))
            assert response.status_code in {405, 302, 303, 404, 403}, (
                route.name,
                method,
                response.status_code,
            )
