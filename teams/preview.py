"""See the console as another role would: the lesser of both, and nothing can be changed."""

from dataclasses import replace
from typing import Any

from console.core.access import Actor
from console.core.permissions import Permission
from teams.roles import RIGHTS, Role

_KEY = "seen_as"
_BECAUSE = "You are looking as {}. That is for looking only: leave it, and you can change things again."
OFFERED = tuple(role for role in Role if role is not Role.OWNER)


def see_as(request: Any, actor: Actor) -> Actor:
    """Return the actor with the rights of the role they chose to look as, if they did and still may."""
    chosen = request.session.get(_KEY, {}).get(actor.account.auth_id)
    if chosen not in OFFERED or not actor.can(Permission.TEAM_MANAGE):
        return actor
    role = Role(chosen)
    request.seen_as = role
    rights = actor.rights & RIGHTS[role]
    return replace(
        actor, rights=rights, frozen=rights, frozen_because=_BECAUSE.format(role.label), role=role.label
    )


def begin(request: Any, role: Role) -> None:
    """Look as the role in this account, in this browser, until it is left."""
    auth_id = request.actor.account.auth_id
    request.session[_KEY] = request.session.get(_KEY, {}) | {auth_id: str(role)}


def leave(request: Any, auth_id: str) -> None:
    """Look as oneself again."""
    kept = {name: role for name, role in request.session.get(_KEY, {}).items() if name != auth_id}
    request.session[_KEY] = kept
