"""Look up cards and recharges."""

from uuid import UUID

from accounts.models import Account
from billing.models import AutoRecharge, Card, CardSetup, Recharge


def cards_of(account: Account) -> list[Card]:
    """Return the saved cards, the default one first."""
    return list(Card.objects.of(account).filter(removed_at=None).order_by("-is_default", "-added_at"))


def find_card(account: Account, public_id: UUID) -> Card | None:
    """Return a saved card."""
    return Card.objects.of(account).filter(public_id=public_id, removed_at=None).first()


def recharges_of(account: Account, *, limit: int) -> list[Recharge]:
    """Return the newest recharges with their cards."""
    rows = Recharge.objects.of(account).select_related("card")
    return list(rows.order_by("-made_at", "-pk")[:limit])


def find_recharge(account: Account, public_id: UUID) -> Recharge | None:
    """Return a recharge with its card."""
    return Recharge.objects.of(account).select_related("card").filter(public_id=public_id).first()


def find_setup(account: Account, public_id: UUID) -> CardSetup | None:
    """Return a card on its way to be saved."""
    return CardSetup.objects.of(account).filter(public_id=public_id).first()


def rule_of(account: Account) -> AutoRecharge | None:
    """Return what the account said about recharging by itself."""
    return AutoRecharge.objects.of(account).first()
