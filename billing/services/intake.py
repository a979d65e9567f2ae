"""Take in what the platform reports: rate it, write it into the logs, and charge it, all or nothing per event."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from billing.models import LedgerEntry
from billing.queries.intake import Payer, Rated, payers_of, rate_reports
from billing.services.charging import Charge, charge_all, lock_balances
from billing.usage_events import EventRefused, UsageReport, read_event
from subaccounts.services.usage import MOST_EVENTS, UsageRow, append_usage, span_of

_KNOWN = "SELECT event_id, digest FROM billing_takenevent WHERE event_id = ANY(%s)"
# In one order, so that two batches with the same events wait for each other and never in a ring.
_TAKE = """
INSERT INTO billing_takenevent (event_id, digest, taken_at)
SELECT * FROM unnest(%s::uuid[], %s::bytea[]) AS given (event_id, digest), (SELECT %s::timestamptz) AS moment
ORDER BY given.event_id ON CONFLICT DO NOTHING RETURNING event_id
"""
_FORGET = "DELETE FROM billing_takenevent WHERE taken_at < %s"
_UNITS = {"call": "minutes", "message": "segments"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one event was not taken: its place in the batch, a word that stays, a sentence."""

    index: int
    event_id: str
    code: str
    error: str


@dataclass(slots=True)
class Intake:
    """What became of a batch. ``stopped`` maps Auth IDs of the batch that may use nothing now to the reason."""

    accepted: int = 0
    duplicates: int = 0
    amount: Decimal = Decimal(0)
    refused: list[Refusal] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)

    def refuse(self, report: UsageReport, code: str, error: str) -> None:
        """Note that an event was not taken."""
        self.refused.append(Refusal(report.place, str(report.event_id), code, error))


_STOPPED = {
    "unknown_auth_id": "no account or subaccount has this Auth ID",
    "account_not_active": "the account is not active",
    "subaccount_disabled": "the subaccount is disabled or deleted",
    "balance_exhausted": "the prepaid balance is used up",
    "spend_limit_reached": "the subaccount has reached its monthly limit",
}


def take_usage(*, events: Sequence[Any], now: datetime) -> Intake:
    """Take in up to 1,000 events; each is charged once by its id, whatever comes again or together.

    Events of an account or subaccount that is stopped are refused, and can come again after it is not.
    """
    if len(events) > MOST_EVENTS:
        raise ValueError(f"At most {MOST_EVENTS} events at once.")
    result = Intake()
    reports = _read(events, result, now)
    rates = rate_reports(reports, payers_of({report.auth_id for report in reports}, now=now))
    with transaction.atomic():
        _charge(reports, rates, result, now)
    result.refused.sort(key=lambda refusal: refusal.index)
    return result


def _read(events: Sequence[Any], result: Intake, now: datetime) -> list[UsageReport]:
    since, until = span_of(now=now)
    found: list[UsageReport] = []
    for index, event in enumerate(events):
        try:
            found.append(read_event(index, event, since=since, until=until))
        except EventRefused as error:
            known = event.get("id") if isinstance(event, dict) else None
            name = known if isinstance(known, str) else ""
            result.refused.append(Refusal(index, name[:36], error.code, str(error)))
    return found


def _charge(reports: list[UsageReport], rates: dict[int, Rated], result: Intake, now: datetime) -> None:
    # The balances are locked first: what is stopped, known and charged is judged in one order for all.
    balances = lock_balances(account_ids=_account_ids(reports, rates), now=now)
    payers = payers_of({report.auth_id for report in reports}, now=now)
    stops = {name: payer.stopped_by(balances) for name, payer in payers.items()}
    known = _known(reports)
    wanted: dict[uuid.UUID, UsageReport] = {}
    for report in reports:
        if seen := known.get(report.event_id) or _digest_of(wanted, report):
            _repeat(report, seen, result)
        elif code := _refusal(report, payers, stops, rates):
            result.refuse(report, *code)
        else:
            wanted[report.event_id] = report
    fresh = _take(wanted, result, now)
    _write(fresh, payers, rates, result, now)
    result.stopped = {name: code for name, code in _stops_after(payers, now).items() if code}


def _account_ids(reports: list[UsageReport], rates: dict[int, Rated]) -> set[int]:
    return {rates[report.place].account_id for report in reports if report.place in rates}


def _known(reports: list[UsageReport]) -> dict[uuid.UUID, bytes]:
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [[report.event_id for report in reports]])
        return {event_id: bytes(digest) for event_id, digest in cursor.fetchall()}


def _digest_of(wanted: dict[uuid.UUID, UsageReport], report: UsageReport) -> bytes | None:
    earlier = wanted.get(report.event_id)
    return earlier.digest if earlier else None


def _repeat(report: UsageReport, seen: bytes, result: Intake) -> None:
    if seen == report.digest:
        result.duplicates += 1
    else:
        result.refuse(report, "id_reused", "another event came with this id")


def _refusal(
    report: UsageReport, payers: dict[str, Payer], stops: dict[str, str], rates: dict[int, Rated]
) -> tuple[str, str] | None:
    code = stops[report.auth_id] if report.auth_id in payers else "unknown_auth_id"
    is_owed = code == "subaccount_disabled" and payers[report.auth_id].owes_for(report.at)
    if code and not is_owed:
        return code, _STOPPED[code]
    if report.place not in rates or rates[report.place].rate is None:
        return "no_price", "nothing is priced for this"
    return None


def _take(wanted: dict[uuid.UUID, UsageReport], result: Intake, now: datetime) -> list[UsageReport]:
    """Keep the ids, and return the events that nobody else took meanwhile."""
    if not wanted:
        return []
    digests = [report.digest for report in wanted.values()]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [list(wanted), digests, now])
        taken = {row[0] for row in cursor.fetchall()}
    if others := [report for event_id, report in wanted.items() if event_id not in taken]:
        known = _known(others)
        for report in others:
            _repeat(report, known[report.event_id], result)
    return [report for event_id, report in wanted.items() if event_id in taken]


def _write(
    reports: list[UsageReport],
    payers: dict[str, Payer],
    rates: dict[int, Rated],
    result: Intake,
    now: datetime,
) -> None:
    append_usage(rows=[_row(report, payers[report.auth_id], rates[report.place]) for report in reports])
    charges = list(_charges(reports, payers, rates))
    charge_all(charges=charges, now=now)
    result.accepted = len(reports)
    result.amount = sum((charge.amount for charge in charges), Decimal(0))


def _row(report: UsageReport, payer: Payer, rated: Rated) -> UsageRow:
    return UsageRow(
        payer.account_id,
        report.at,
        report.event_id,
        payer.subaccount_id,
        rated.units,
        rated.rate or Decimal(0),
        rated.amount or Decimal(0),
        report.kind,
        report.direction,
        rated.country,
        report.status,
        report.from_number,
        report.to_number,
        report.ip,
    )


def _charges(
    reports: Iterable[UsageReport], payers: dict[str, Payer], rates: dict[int, Rated]
) -> Iterable[Charge]:
    """Yield one charge for each payer and kind of traffic of the batch."""
    batch = uuid.uuid4()
    sums: dict[tuple[int, int | None, str], Decimal] = defaultdict(Decimal)
    units: Counter[tuple[int, int | None, str]] = Counter()
    countries: dict[tuple[int, int | None, str], set[str]] = defaultdict(set)
    for report in reports:
        payer, rated = payers[report.auth_id], rates[report.place]
        key = (payer.account_id, payer.subaccount_id, report.kind)
        sums[key] += rated.amount or Decimal(0)
        units[key] += rated.units
        countries[key].add(rated.country)
    for key, amount in sorted(sums.items(), key=lambda item: (item[0][0], item[0][1] or 0, item[0][2])):
        account_id, subaccount_id, kind = key
        if amount:
            note = _note(kind, units[key], len(countries[key]))
            yield Charge(
                account_id, subaccount_id, LedgerEntry.Kind.USAGE, kind, amount, note, f"intake:{batch}"
            )


def _note(kind: str, units: int, countries: int) -> str:
    places = "1 country" if countries == 1 else f"{countries} countries"
    unit = _UNITS[kind][:-1] if units == 1 else _UNITS[kind]
    return f"{units:,} {unit} to {places}"


def _stops_after(payers: dict[str, Payer], now: datetime) -> dict[str, str]:
    balances = lock_balances(account_ids={payer.account_id for payer in payers.values()}, now=now)
    return {name: payer.stopped_by(balances) for name, payer in payers_of(set(payers), now=now).items()}


def forget_taken(*, now: datetime) -> int:
    """Delete the ids of events that are too old to be reported again; return how many."""
    until = now - timedelta(days=settings.CONSOLE_USAGE_DAYS + 2)
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [until])
        return int(cursor.rowcount)
