"""What the page about a compromised account shows of money."""

from datetime import datetime

from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from billing.models import Recharge
from billing.queries.cards import recharges_of
from console.core.templatetags.ui import money
from security.compromise_queries import Section

_SHOWN = 5


def payments_section(*, account: Account, now: datetime) -> Section:
    """Return the newest recharges by card: a stranger may have added credit, to spend it."""
    rows = [_row(row) for row in recharges_of(account, limit=_SHOWN)]
    return Section(
        title="Payments by card",
        lead="What was added to the balance. Locking down pauses auto-recharge.",
        rows=rows or [("No card was charged", "Recharges by card are listed here.")],
        action_url=reverse("billing:payments", kwargs={"account": account.auth_id}),
        action_label="Open Payment Settings",
    )


def _row(row: Recharge) -> tuple[str, str]:
    at = f"{timezone.localtime(row.made_at):%-d %B, %H:%M}"
    how = "by auto-recharge" if row.is_automatic else "by hand"
    title = f"{money(row.amount)}, {row.card or 'removed card'}"
    return title, f"{at}, {how}, {row.get_state_display().lower()}"
