"""Make, change, move and delete applications."""

from collections.abc import Mapping
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
from subaccounts.application_rules import ResourceRefused, check_method, check_url, check_word
from subaccounts.models import Application, Subaccount
from subaccounts.queries.scope import reachable
from subaccounts.services.owners import find_owner, hold_resources, owner_name

_MANAGE, _CLOSE = Permission.RESOURCE_MANAGE, Permission.SUBACCOUNT_MANAGE
_URLS = ("answer_url", "hangup_url", "fallback_answer_url", "message_url")
_METHODS = ("answer_method", "hangup_method", "fallback_method", "message_method")
_DEFAULTS = ("default_number_app", "default_endpoint_app")
_FLAGS = (*_DEFAULTS, "log_incoming_messages", "public_uri")
VALUES = ("name", *_URLS, *_METHODS, *_FLAGS)
"""What an application can be told; each is a column."""


class NoSuchApplication(DomainError):
    """The actor reaches no application with this id."""

    code = "not_found"


@transaction.atomic
def create_application(
    *,
    actor: Actor,
    values: Mapping[str, Any],
    now: datetime,
    subaccount: str = "",
    form_id: UUID | None = None,
) -> Application:
    """Make an application of the account, or of the subaccount with this Auth ID.

    :raises ResourceRefused: if a value cannot be kept; nothing is made then
    """
    actor.require(_MANAGE)
    hold_resources(actor)
    owner = find_owner(actor, subaccount)
    if form_id and (made := reachable(Application, actor).filter(form_id=form_id).first()):
        return made  # type: ignore[no-any-return]
    if Application.objects.of(actor.account).count() >= settings.CONSOLE_APPLICATIONS:
        raise ResourceRefused(
            f"An account has at most {settings.CONSOLE_APPLICATIONS:,} applications.", code="limit"
        )
    application = Application(
        account=actor.account, subaccount=owner, app_id=_new_id(), form_id=form_id, created_at=now
    )
    checked = {field: _checked(field, value) for field, value in {"name": "", **values}.items()}
    _put(application, checked)
    _take_defaults(application)
    application.save(force_insert=True)
    record(
        EventKind.APPLICATION_CREATED,
        actor=actor,
        target=application,
        app_id=application.app_id,
        owner=owner_name(owner),
        after=checked,
    )
    return application


def _new_id() -> str:
    return str(1 + int(crypto.random_digits(1)) % 9) + crypto.random_digits(16)


def _checked(field: str, value: Any) -> Any:
    if field == "name":
        return check_word("name", value, what="The name")
    if field in _URLS:
        return check_url(field, value)
    return check_method(field, value) if field in _METHODS else bool(value)


def _put(application: Application, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(application, field, value)


def _take_defaults(application: Application) -> None:
    """Take from the owner's other applications what this one now is for."""
    rows = Application.objects.of(application.account).filter(subaccount=application.subaccount)
    for field in _DEFAULTS:
        if getattr(application, field):
            rows.filter(**{field: True}).exclude(pk=application.pk).update(**{field: False})


@transaction.atomic
def change_application(
    *, actor: Actor, app_id: str, values: Mapping[str, Any], now: datetime, subaccount: str | None = None
) -> Application:
    """Change what is given, and with ``subaccount`` the owner: an Auth ID, or nothing for the account itself.

    :raises NoSuchApplication: if the actor reaches none
    :raises ResourceRefused: if a value cannot be kept; nothing is changed then
    """
    actor.require(_MANAGE)
    hold_resources(actor)
    target = find_owner(actor, subaccount) if subaccount is not None else None
    application = _locked(actor, app_id)
    checked = {field: _checked(field, value) for field, value in values.items()}
    if subaccount is not None and target != application.subaccount:
        _move(actor, application, target, now=now)
    changed = {field: value for field, value in checked.items() if value != getattr(application, field)}
    if changed:
        _change(actor, application, changed, now=now)
    return application


def _locked(actor: Actor, app_id: str) -> Application:
    rows = reachable(Application, actor).select_related("subaccount").select_for_update(of=("self",))
    found: Application | None = rows.filter(app_id=app_id).first()
    if found is None:
        raise NoSuchApplication("There is no such application.")
    return found


def _change(actor: Actor, application: Application, changed: Mapping[str, Any], *, now: datetime) -> None:
    before = {field: getattr(application, field) for field in changed}
    _put(application, changed)
    application.modified_at = now
    _take_defaults(application)
    application.save(update_fields=[*changed, "modified_at"])
    facts: dict[str, Any] = {"app_id": application.app_id, "before": before, "after": dict(changed)}
    record(EventKind.APPLICATION_CHANGED, actor=actor, target=application, **facts)


def move_application(*, actor: Actor, app_id: str, subaccount: str, now: datetime) -> Application:
    """Give the application and its endpoints to another owner; its numbers stay and lose it.

    :raises NoSuchApplication: if the actor reaches none
    :raises ResourceRefused: if there is no such subaccount
    """
    actor.require(_MANAGE)
    return change_application(actor=actor, app_id=app_id, values={}, subaccount=subaccount, now=now)


def _move(actor: Actor, application: Application, target: Subaccount | None, *, now: datetime) -> None:
    before, application.subaccount = application.subaccount, target
    application.default_number_app = application.default_endpoint_app = False
    application.modified_at = now
    application.save(update_fields=["subaccount", *_DEFAULTS, "modified_at"])
    moved = application.endpoints.update(subaccount=target, modified_at=now)
    left = application.numbers.update(application=None)
    record(
        EventKind.APPLICATION_MOVED,
        actor=actor,
        target=application,
        app_id=application.app_id,
        before={"owner": owner_name(before)},
        after={"owner": owner_name(target)},
        endpoints=moved,
        numbers_left=left,
    )


@transaction.atomic
def delete_application(
    *, actor: Actor, app_id: str, cascade: bool, now: datetime, new_application: str = ""
) -> None:
    """Delete the application, and its endpoints too or not: those that stay go to ``new_application`` or to none.

    :raises NoSuchApplication: if the actor reaches none
    :raises ResourceRefused: if there is no such new application
    """
    actor.require(_MANAGE)
    hold_resources(actor)
    application = _locked(actor, app_id)
    heir = _heir(actor, application, new_application) if new_application else None
    endpoints = application.endpoints.count()
    if cascade:
        application.endpoints.all().delete()
    elif heir:
        application.endpoints.update(application=heir, subaccount=heir.subaccount, modified_at=now)
    facts: dict[str, Any] = {"app_id": app_id, "endpoints": endpoints, "endpoints_deleted": cascade}
    facts |= {"new_application": new_application} if heir else {}
    record(EventKind.APPLICATION_DELETED, actor=actor, target=application, **facts)
    application.delete()


def _heir(actor: Actor, application: Application, app_id: str) -> Application:
    found: Application | None = reachable(Application, actor).filter(app_id=app_id).first()
    if found is None or found == application:
        reason = "There is no such application to give the endpoints to."
        raise ResourceRefused(reason, code="unknown_application", field="new_endpoint_application")
    return found


# --- When a subaccount goes ------------------------------------------------------------------


def move_to_main(*, actor: Actor, subaccount: Subaccount, now: datetime) -> int:
    """Give the subaccount's applications to its account, and return how many there were."""
    actor.require(Permission.SUBACCOUNT_MANAGE)
    actor.require(_CLOSE)
    rows = Application.objects.of(subaccount.account).filter(subaccount=subaccount)
    moved: int = rows.update(
        subaccount=None, default_number_app=False, default_endpoint_app=False, modified_at=now
    )
    if moved:
        record(EventKind.APPLICATIONS_MOVED, actor=actor, target=subaccount, count=moved)
    return moved


def delete_of(*, actor: Actor, subaccount: Subaccount, now: datetime) -> int:
    """Delete the subaccount's applications, and return how many there were."""
    actor.require(Permission.SUBACCOUNT_MANAGE)
    actor.require(_CLOSE)
    rows = Application.objects.of(subaccount.account).filter(subaccount=subaccount)
    _, deleted = rows.delete()
    count = deleted.get("subaccounts.Application", 0)
    if count:
        record(EventKind.APPLICATIONS_DELETED, actor=actor, target=subaccount, count=count)
    return count
