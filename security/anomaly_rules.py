"""Judge whether something is unusual, by what was usual before. Pure: history in, facts out."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from statistics import median

SPIKE_TIMES = 3
# Less than a day of hours says nothing about what is usual.
HOURS_NEEDED = 24


def new_country(country: str, *, seen: Collection[str]) -> dict[str, object] | None:
    """Return the facts when the country (ISO code) is none of those seen before; unknown ones say nothing."""
    known = {code for code in seen if code}
    if not country or not known or country in known:
        return None
    return {"country": country, "usual": sorted(known)}


def spend_spike(spent: Decimal, *, hours: Sequence[Decimal]) -> dict[str, object] | None:
    """Return the facts when an hour's spend is three times the usual hour or more.

    ``hours`` are the amounts of the hours before; the usual one is the median of those in which money was spent.
    """
    busy = [amount for amount in hours if amount > 0]
    if len(hours) < HOURS_NEEDED or not busy:
        return None
    usual = Decimal(median(busy))
    if spent < usual * SPIKE_TIMES:
        return None
    return {"spent": str(spent), "usual": str(usual), "times": str((spent / usual).quantize(Decimal("0.1")))}


def new_destination(country: str, *, used: Collection[str]) -> dict[str, object] | None:
    """Return the facts when nothing went to the country before; the first country of all is no news."""
    if not country or not used or country in used:
        return None
    return {"country": country, "usual_count": len(set(used))}
