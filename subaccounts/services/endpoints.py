"""Make, change, move and delete endpoints: phones that register with a name and a password."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from subaccounts.application_rules import (
    ResourceRefused,
    check_password,
    check_username,
    check_word,
    digest_hashes,
)
from subaccounts.models import Application, Endpoint, Subaccount
from subaccounts.queries.scope import reachable
from subaccounts.services.owners import find_owner, hold_resources, owner_name

_MANAGE, _CLOSE = Permission.RESOURCE_MANAGE, Permission.SUBACCOUNT_MANAGE
_SUFFIX = 12
_MADE_PASSWORD = 20


class NoSuchEndpoint(DomainError):
    """The actor reaches no endpoint with this id."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class MadeEndpoint:
    """An endpoint and its password, which is known now and never again; none when the form had come before."""

    endpoint: Endpoint
    password: str


@transaction.atomic
def create_endpoint(
    *,
    actor: Actor,
    username: str,
    alias: str,
    now: datetime,
    password: str = "",
    app_id: str = "",
    subaccount: str = "",
    form_id: UUID | None = None,
) -> MadeEndpoint:
    """Make an endpoint of the application, or of the owner's default one. Without a password it gets one.

    :raises ResourceRefused: if a value cannot be kept; nothing is made then
    """
    actor.require(_MANAGE)
    hold_resources(actor)
    owner = find_owner(actor, subaccount)
    if form_id and (made := reachable(Endpoint, actor).filter(form_id=form_id).first()):
        return MadeEndpoint(made, "")
    _check_room(actor)
    application = _application(actor, app_id) if app_id else _default_of(actor, owner)
    owner = application.subaccount if application else owner
    endpoint = Endpoint(account=actor.account, application=application, subaccount=owner)
    endpoint.endpoint_id, endpoint.form_id, endpoint.created_at = _new_id(), form_id, now
    endpoint.username = check_username(username) + crypto.random_digits(_SUFFIX)
    endpoint.alias = check_word("alias", alias, what="The alias")
    password = password or make_password()
    _put_password(endpoint, password)
    endpoint.save(force_insert=True)
    facts: dict[str, Any] = {"endpoint_id": endpoint.endpoint_id, "owner": owner_name(owner), "alias": alias}
    facts |= {"app_id": application.app_id if application else ""}
    record(EventKind.ENDPOINT_CREATED, actor=actor, target=endpoint, **facts)
    return MadeEndpoint(endpoint, password)


def _check_room(actor: Actor) -> None:
    most = settings.CONSOLE_ENDPOINTS
    if Endpoint.objects.of(actor.account).count() >= most:
        raise ResourceRefused(f"An account has at most {most:,} endpoints.", code="limit")


def _new_id() -> str:
    return str(1 + int(crypto.random_digits(1)) % 9) + crypto.random_digits(13)


def make_password() -> str:
    """Return a password for a phone: 20 characters that every keypad has."""
    return crypto.random_name(_MADE_PASSWORD)


def _put_password(endpoint: Endpoint, password: str) -> None:
    check_password(password)
    hashes = digest_hashes(username=endpoint.username, realm=settings.SIP_PHONE_HOST, password=password)
    endpoint.put_hashes(hashes)


def _application(actor: Actor, app_id: str) -> Application:
    rows = reachable(Application, actor).select_related("subaccount")
    found: Application | None = rows.filter(app_id=app_id).first()
    if found is None:
        raise ResourceRefused("There is no such application.", code="unknown_application", field="app_id")
    return found


def _default_of(actor: Actor, owner: Subaccount | None) -> Application | None:
    rows = reachable(Application, actor).select_related("subaccount")
    found: Application | None = rows.filter(subaccount=owner, default_endpoint_app=True).first()
    return found


@transaction.atomic
def change_endpoint(
    *,
    actor: Actor,
    endpoint_id: str,
    now: datetime,
    password: str | None = None,
    alias: str | None = None,
    app_id: str | None = None,
) -> Endpoint:
    """Change what is given; an application of another owner takes the endpoint along, and an empty id leaves none.

    :raises NoSuchEndpoint: if the actor reaches none
    :raises ResourceRefused: if a value cannot be kept; nothing is changed then
    """
    actor.require(_MANAGE)
    hold_resources(actor)
    endpoint = _locked(actor, endpoint_id)
    before = _facts(endpoint)
    if alias is not None:
        endpoint.alias = check_word("alias", alias, what="The alias")
    if app_id is not None:
        _attach(endpoint, _application(actor, app_id) if app_id else None)
    if password is not None:
        _put_password(endpoint, password)
    _save(actor, endpoint, before, has_new_password=password is not None, now=now)
    return endpoint


def _attach(endpoint: Endpoint, application: Application | None) -> None:
    endpoint.application = application
    if application:
        endpoint.subaccount = application.subaccount


def _locked(actor: Actor, endpoint_id: str) -> Endpoint:
    rows = reachable(Endpoint, actor).select_related("subaccount", "application")
    found: Endpoint | None = rows.select_for_update(of=("self",)).filter(endpoint_id=endpoint_id).first()
    if found is None:
        raise NoSuchEndpoint("There is no such endpoint.")
    return found


def _facts(endpoint: Endpoint) -> dict[str, Any]:
    application = endpoint.application
    return {
        "alias": endpoint.alias,
        "app_id": application.app_id if application else "",
        "owner": owner_name(endpoint.subaccount),
    }


def _save(
    actor: Actor, endpoint: Endpoint, before: dict[str, Any], *, has_new_password: bool, now: datetime
) -> None:
    """Write the endpoint and the event, if anything changed."""
    after = _facts(endpoint)
    changed = [name for name in after if after[name] != before[name]]
    if not changed and not has_new_password:
        return
    endpoint.modified_at = now
    endpoint.save()
    facts: dict[str, Any] = {"endpoint_id": endpoint.endpoint_id, "has_new_password": has_new_password}
    facts |= {"before": {name: before[name] for name in changed}}
    facts |= {"after": {name: after[name] for name in changed}}
    record(EventKind.ENDPOINT_CHANGED, actor=actor, target=endpoint, **facts)


@transaction.atomic
def move_endpoint(*, actor: Actor, endpoint_id: str, subaccount: str, now: datetime) -> Endpoint:
    """Give the endpoint to another owner; its application stays behind, and the owner's default one takes over.

    :raises NoSuchEndpoint: if the actor reaches none
    :raises ResourceRefused: if there is no such subaccount
    """
    actor.require(_MANAGE)
    hold_resources(actor)
    owner = find_owner(actor, subaccount)
    endpoint = _locked(actor, endpoint_id)
    if owner == endpoint.subaccount:
        return endpoint
    before = _facts(endpoint)
    endpoint.subaccount, endpoint.application = owner, _default_of(actor, owner)
    _save(actor, endpoint, before, has_new_password=False, now=now)
    return endpoint


@transaction.atomic
def delete_endpoint(*, actor: Actor, endpoint_id: str) -> None:
    """Delete the endpoint: its phone can no longer register.

    :raises NoSuchEndpoint: if the actor reaches none
    """
    actor.require(_MANAGE)
    hold_resources(actor)
    endpoint = _locked(actor, endpoint_id)
    facts: dict[str, Any] = {"endpoint_id": endpoint_id, "owner": owner_name(endpoint.subaccount)}
    record(EventKind.ENDPOINT_DELETED, actor=actor, target=endpoint, **facts)
    endpoint.delete()


# --- When a subaccount goes ------------------------------------------------------------------


def move_to_main(*, actor: Actor, subaccount: Subaccount, now: datetime) -> int:
    """Give the subaccount's endpoints to its account, and return how many there were."""
    actor.require(Permission.SUBACCOUNT_MANAGE)
    actor.require(_CLOSE)
    rows = Endpoint.objects.of(subaccount.account).filter(subaccount=subaccount)
    moved: int = rows.update(subaccount=None, modified_at=now)
    if moved:
        record(EventKind.ENDPOINTS_MOVED, actor=actor, target=subaccount, count=moved)
    return moved


def delete_of(*, actor: Actor, subaccount: Subaccount, now: datetime) -> int:
    """Delete the subaccount's endpoints, and return how many there were."""
    actor.require(Permission.SUBACCOUNT_MANAGE)
    actor.require(_CLOSE)
    rows = Endpoint.objects.of(subaccount.account).filter(subaccount=subaccount)
    _, deleted = rows.delete()
    count = deleted.get("subaccounts.Endpoint", 0)
    if count:
        record(EventKind.ENDPOINTS_DELETED, actor=actor, target=subaccount, count=count)
    return count
