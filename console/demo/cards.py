"""Give the demo's account two cards, recharges by them, and auto-recharge; needs the fake of Stripe."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing import gateway
from billing.services import auto_recharge, cards, recharge

_PAYS, _DECLINES = cards.TEST_CARDS
_RULE = auto_recharge.Wish(Decimal(100), Decimal(50), Decimal(150), Decimal(300), Decimal(600))


def use_cards(company: dict[str, Any], *, now: datetime) -> None:
    """Save a card that pays and one that is declined, use both, and turn auto-recharge on."""
    if not gateway.is_on():
        return
    for test_card, amount in ((_PAYS, 250), (_DECLINES, 100)):
        whoever: dict[str, Any] = {"actor": company["actor"], "now": now}
        setup = cards.begin_card(form_id=uuid.uuid4(), **whoever)
        saved = cards.finish_card(public_id=setup.public_id, test_card=test_card, **whoever)
        if saved.card is not None:
            wish: dict[str, Any] = {"card_id": saved.card.public_id, "form_id": uuid.uuid4()}
            recharge.recharge(amount=Decimal(amount), **wish, **whoever)
    auto_recharge.set_auto_recharge(actor=company["actor"], wish=_RULE, now=now)
