"""Change the rules that staff keep: domains, networks, number prefixes and keys of scanners."""

from typing import Any

from django.db import transaction

from accounts.models import EmailDomainRule, NetworkRule, PhonePrefixRule, TokenScanner
from console.core.access import Actor
from console.core.events import EventKind, record

Rule = EmailDomainRule | NetworkRule | PhonePrefixRule | TokenScanner
_FIELDS = ("domain", "network", "prefix", "verdict", "name", "key_id", "public_key", "is_active", "reason")


@transaction.atomic
def save_rule(*, actor: Actor, rule: Rule) -> None:
    """Store a new or changed rule, and record who changed what and why."""
    actor.require_staff()
    before = type(rule).objects.select_for_update().filter(pk=rule.pk).first() if rule.pk else None
    rule.save()
    change = "changed" if before else "added"
    _record(actor, rule, change, before=facts_of(before) if before else None, after=facts_of(rule))


@transaction.atomic
def delete_rule(*, actor: Actor, rule: Rule, reason: str) -> None:
    """Delete a rule, and record who did and why."""
    actor.require_staff()
    before = facts_of(rule)
    _record(actor, rule, "deleted", before=before, after=None, reason=reason)
    rule.delete()


def facts_of(rule: Rule) -> dict[str, Any]:
    """Return what the rule says."""
    return {name: str(getattr(rule, name)) for name in _FIELDS if hasattr(rule, name)}


def _record(actor: Actor, rule: Rule, change: str, *, reason: str = "", **facts: Any) -> None:
    kind = EventKind.STAFF_RULE_CHANGED
    record(kind, actor=actor, target=rule, change=change, reason=reason or rule.reason, **facts)
