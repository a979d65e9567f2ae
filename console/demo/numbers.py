"""Give the demo's account 20 numbers of eight countries, rented over the months and paid each month."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import Account
from billing import services as billing
from billing.models import LedgerEntry
from console.core.events import EventKind
from console.demo.diary import note
from subaccounts.management.commands.load_numbers import SAMPLE
from subaccounts.models import Application, InventoryNumber, Number, SenderId, Subaccount
from subaccounts.services.inventory import load_file
from subaccounts.services.rental_rules import due_on, renewal_after

# Country, how many, first day, days between them, aliases.
_RENTED = (
    ("DE", 5, 2, 9, ("Dispatch Berlin", "Drivers", "", "Customs desk", "")),
    ("GB", 4, 4, 15, ("Dispatch London", "", "Night line", "")),
    ("US", 4, 11, 13, ("New York office", "Notices", "", "")),
    ("FR", 2, 20, 12, ("Paris depot", "")),
    ("SE", 2, 26, 30, ("", "Gothenburg port")),
    ("IE", 1, 33, 1, ("Dublin",)),
    ("CA", 1, 41, 1, ("",)),
    ("AU", 1, 57, 1, ("Sydney desk",)),
)
_SENDERS = (
    ("HALYARD", "DE", 70, "approved", ""),
    ("HALYARD", "GB", 69, "approved", ""),
    ("HALYARD", "IN", 66, "declined", "India asks for a registration of the name with its operators first."),
    ("HalyardTrk", "FR", 21, "approved", ""),
    ("Halyard", "SE", 1, "requested", ""),
)


def load_stock(*, now: datetime) -> None:
    """Load the sample inventory, free since before the demo began."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        load_file(source=file, name=SAMPLE.name, is_sample=True, now=now)


def live_a_day(company: dict[str, Any], *, day: int, at: datetime) -> Decimal:
    """Rent the numbers of the day and renew those that are due; return what that cost."""
    account: Account = company["account"]
    due = Number.objects.of(account).filter(renewal_date__lte=at.date()).order_by("id")
    spent = sum((_renew(row, at) for row in due), Decimal(0))
    for country, count, first, apart, aliases in _RENTED:
        place, rest = divmod(day - first, apart)
        if 0 <= place < count and not rest:
            spent += _rent(company, country, aliases[place], at)
    return spent


def _rent(company: dict[str, Any], country: str, alias: str, at: datetime) -> Decimal:
    account = company["account"]
    # Numbers with texts first: an account of a carrier has those.
    free = InventoryNumber.objects.filter(country_iso=country, rental=None).order_by("-has_sms", "-number")
    stock = free[0]
    renewal = renewal_after(at.date(), at.date())
    row = Number.objects.create(
        account=account,
        inventory=stock,
        number=stock.number,
        alias=alias,
        monthly_amount=stock.monthly_amount,
        rented_at=at,
        renewal_date=renewal,
        due_at=due_on(renewal),
    )
    InventoryNumber.objects.filter(pk=stock.pk).update(free_at=None)
    amount: Decimal = stock.monthly_amount + stock.setup_amount
    facts: dict[str, Any] = {"monthly_amount": str(stock.monthly_amount), "amount": str(amount)}
    facts |= {"country": country, "owner": "main account", "renewal_date": renewal}
    note(EventKind.NUMBER_RENTED, actor=company["actor"], target=row, at=at, **facts)
    return _pay(row, amount, at)


def _renew(row: Number, at: datetime) -> Decimal:
    spent = _pay(row, row.monthly_amount, at)
    row.renewal_date = renewal_after(row.rented_on, row.renewal_date)
    row.due_at = due_on(row.renewal_date)
    row.save(update_fields=["renewal_date", "due_at"])
    return spent


def _pay(row: Number, amount: Decimal, at: datetime) -> Decimal:
    billing.post_entry(
        account=row.account,
        kind=LedgerEntry.Kind.RENTAL,
        amount=-amount,
        key=f"rental:{row.public_id}:{row.rented_on if at == row.rented_at else row.renewal_date}",
        now=at,
        note=f"+{row.number}, a month",
        cause=f"rental:{row.public_id}",
    )
    return amount


def hand_out(company: dict[str, Any], *, now: datetime) -> None:
    """Give every third number to a subaccount, where there are any, and to each its owner's application."""
    account = company["account"]
    owners = [None, *Subaccount.objects.of(account).filter(deleted_at=None).order_by("id")]
    for place, row in enumerate(Number.objects.of(account).order_by("id")):
        row.subaccount = owners[(place // 3) % len(owners)]
        row.application = (
            Application.objects.of(account).filter(subaccount=row.subaccount).order_by("id").first()
        )
        row.save(update_fields=["subaccount", "application"])
    for sender, country, days, state, words in _SENDERS:
        _ask(company, sender, country, state, words, at=now - timedelta(days=days))


def _ask(company: dict[str, Any], sender: str, country: str, state: str, words: str, *, at: datetime) -> None:
    purpose = "Halyard tells customers when a delivery arrives."
    row = SenderId.objects.create(
        account=company["account"],
        sender=sender,
        country_iso=country,
        purpose=purpose,
        state=state,
        requested_by=company["actor"].user,
        requested_at=at,
        decided_at=None if state == "requested" else at + timedelta(hours=20),
        note=words,
    )
    facts = {"country": country, "purpose": purpose, "owner": "main account"}
    note(EventKind.SENDER_ID_REQUESTED, actor=company["actor"], target=row, at=at, **facts)
