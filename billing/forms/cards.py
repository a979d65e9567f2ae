"""Forms of cards and recharges."""

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms

from billing.models import Card
from billing.services.cards import TEST_CARDS
from console.core.forms import MoneyInput, Segments

_AMOUNTS = ("50", "100", "250", "500")


class RechargeForm(forms.Form):
    """Add credit by a saved card. ``form_id`` lets a form that is sent twice pay once."""

    amount = forms.ChoiceField(
        label="Amount",
        choices=[(text, f"${text}") for text in _AMOUNTS],
        widget=Segments,
        error_messages={"required": "Choose an amount, or enter another one."},
    )
    other = forms.DecimalField(
        label="Another amount",
        required=False,
        max_digits=8,
        decimal_places=2,
        widget=MoneyInput(attrs={"class": "input--short"}),
        error_messages={"invalid": "Enter an amount such as 75 or 75.50."},
    )
    card = forms.ChoiceField(label="Card", error_messages={"required": "Choose a card."})
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, cards: Sequence[Card], **kwargs: Any) -> None:
        kwargs["initial"] = {"form_id": uuid.uuid4(), "amount": "100"}
        super().__init__(*args, **kwargs)
        choices = [
            (str(card.public_id), f"{card}, default" if card.is_default else str(card)) for card in cards
        ]
        self.fields["card"] = forms.ChoiceField(
            label="Card", choices=choices, error_messages={"required": "Choose a card."}
        )

    def wish(self) -> dict[str, Any]:
        """Return what is asked for; the typed amount goes before the chosen one."""
        values = self.cleaned_data
        amount = values["other"] if values["other"] is not None else Decimal(values["amount"])
        return {"amount": amount, "card_id": uuid.UUID(values["card"]), "form_id": values["form_id"]}


def _amount(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        max_digits=8,
        decimal_places=2,
        min_value=0,
        widget=MoneyInput(),
        error_messages={"required": "Enter an amount.", "invalid": "Enter an amount such as 75 or 75.50."},
    )


class AutoRechargeForm(forms.Form):
    """Say when the default card is charged, and how much at most."""

    threshold = _amount("When the balance falls below")
    amount = _amount("Add")
    day_cap = _amount("At most a day")
    week_cap = _amount("At most a week")
    month_cap = _amount("At most a month")


class CardBeginForm(forms.Form):
    """Begin to save a card. ``form_id`` lets a form that is sent twice begin once."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"form_id": uuid.uuid4()}
        super().__init__(*args, **kwargs)


class TestCardForm(forms.Form):
    """Choose one of Stripe's test cards, in development."""

    test_card = forms.ChoiceField(label="Test card", choices=list(TEST_CARDS.items()))


class CardFinishForm(forms.Form):
    """Say that Stripe's form was sent; a test card stands for it in development."""

    test_card = forms.ChoiceField(choices=[("", "None"), *TEST_CARDS.items()], required=False)
