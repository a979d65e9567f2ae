"""Give the demo's accounts a token for provisioning, and a directory with groups that stand for roles."""

import uuid
from datetime import datetime
from typing import Any
from uuid import UUID

from console.core.access import Actor
from console.core.permissions import Permission
from security.scim.facts import GroupFacts
from security.scim_queries import base_url, users_of
from security.services.scim_groups import add_group, set_group_role
from security.services.scim_roster import follow_team
from security.services.scim_tokens import make_scim_token
from teams.roles import Role

_GROUPS = (("Engineering", Role.DEVELOPER), ("Finance", Role.ANALYST), ("Everyone", None))


def connect(company: dict[str, Any], *, now: datetime) -> dict[str, str]:
    """Make a token and, where there is a team, send the groups; return what a directory is given."""
    account, actor = company["account"], company["actor"]
    made = make_scim_token(actor=actor, keeps_old=False, now=now, form_id=uuid.uuid4())
    follow_team(account, now=now)
    if users_of(account).count() > 1:
        directory = Actor(account=account, rights=frozenset({Permission.TEAM_MANAGE}), kind="scim")
        for name, role in _GROUPS:
            facts = GroupFacts(name=name, members=_people(account, role))
            group = add_group(actor=directory, facts=facts, now=now)
            if role:
                set_group_role(actor=actor, public_id=group.public_id, role=role, now=now)
    return {"base_url": base_url(), "token": made.token}


def _people(account: Any, role: Role | None) -> frozenset[UUID]:
    rows = users_of(account).filter(membership__role=role) if role else users_of(account)
    return frozenset(rows.values_list("public_id", flat=True))
