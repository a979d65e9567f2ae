"""Look up what accounts ask of the second factors of their members; of several accounts the strictest wins."""

from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Account, User
from security.models import FactorPolicy
from teams.queries import accounts_of


def rule_of(account: Account) -> FactorPolicy | None:
    """Return what the account asks, or None when any second factor will do."""
    return FactorPolicy.objects.filter(account=account).select_related("set_by").first()


def rules_for(user: User) -> QuerySet[FactorPolicy]:
    """Return the rules of the person's accounts, the one in force first."""
    rules = FactorPolicy.objects.filter(account__in=accounts_of(user))
    return rules.select_related("account").order_by("enforced_from", "pk")


def enforced_rule(user: User, *, now: datetime) -> FactorPolicy | None:
    """Return the first rule for the person whose days of grace are over."""
    return rules_for(user).filter(enforced_from__lte=now).first()
