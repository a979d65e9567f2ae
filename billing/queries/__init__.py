"""Look up money, a module an area."""

from billing.queries.money import (
    ZERO,
    Money,
    current_plan,
    entries_of,
    money_of,
    plan_end_of,
    plan_end_sql,
)
from billing.queries.prices import Book, all_rates, book_of, books_of, lists_of, version_of
from billing.queries.rating import rated_sql

__all__ = [
    "ZERO",
    "Book",
    "Money",
    "all_rates",
    "book_of",
    "books_of",
    "current_plan",
    "entries_of",
    "lists_of",
    "money_of",
    "plan_end_of",
    "plan_end_sql",
    "rated_sql",
    "version_of",
]
