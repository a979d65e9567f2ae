"""Verify the audit chains, and publish their heads."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection

from console.core.models import AuditChain

_PAGE = 1000
_PART = 5000
_log = logging.getLogger("console.audit.head")

_START = ("", -(2**63), b"")
_MOST_FLAWS = 100

# One part of the log, in the order of the chains. The digest is computed again by the database from the row; the
# window finds gaps and wrong links, and the row before the part comes along as %(chain)s, %(seq)s and %(digest)s.
# Rows never change and are added at the ends of chains only, so parts read one after the other fit together.
_VERIFY = """
WITH part AS MATERIALIZED (
  SELECT e, e.chain, e.seq, e.previous, e.digest FROM core_auditevent e
  WHERE (e.chain, e.seq) > (%(chain)s, %(seq)s) {where} ORDER BY e.chain, e.seq LIMIT %(size)s
), linked AS (
  SELECT part.*, lead(part.seq) OVER w IS NULL AS is_last,
    coalesce(lag(part.chain) OVER w, %(chain)s) = part.chain AS has_one_before,
    coalesce(lag(part.seq) OVER w, %(seq)s) AS seq_before,
    coalesce(lag(part.digest) OVER w, %(digest)s) AS digest_before
  FROM part WINDOW w AS (ORDER BY part.chain, part.seq)
), checked AS (
  SELECT l.chain, l.seq, l.digest, l.is_last,
    CASE
      WHEN l.digest <> core_audit_digest(l.e) THEN 'the row was changed'
      WHEN l.seq <> 1 + CASE WHEN l.has_one_before THEN l.seq_before ELSE 0 END
        THEN 'an event before it is missing'
      WHEN l.previous <> CASE WHEN l.has_one_before THEN l.digest_before ELSE '\\x'::bytea END
        THEN 'it does not follow the event before it'
      WHEN l.seq > coalesce(c.length, 0) THEN 'it was added past the end of the chain'
    END AS problem
  FROM linked l LEFT JOIN core_auditchain c ON c.name = l.chain
)
SELECT chain, seq, digest, problem, is_last FROM checked WHERE is_last OR problem IS NOT NULL ORDER BY chain, seq
"""
_HEADS = """
SELECT c.name, c.length, 'the end of the chain is missing' FROM core_auditchain c
LEFT JOIN core_auditevent e ON e.chain = c.name AND e.seq = c.length
WHERE (c.length > 0 AND (e.digest IS NULL OR e.digest <> c.head)) {where} ORDER BY 1 LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A place where a chain does not hold."""

    chain: str
    seq: int
    problem: str


def verify(chain: str | None = None, *, size: int = _PART) -> list[Flaw]:
    """Return where the chains (or the one named) were tampered with; empty means intact.

    It reads ``size`` events a statement, so that a long log needs many short statements instead of one long one.
    """
    return list(islice(_find_flaws(chain, size), _MOST_FLAWS))


def _find_flaws(chain: str | None, size: int) -> Iterator[Flaw]:
    yield from _flaws_of_rows(chain, size)
    yield from _flaws_of_heads(chain)


def _flaws_of_rows(chain: str | None, size: int) -> Iterator[Flaw]:
    before: tuple[str, int, bytes] | None = _START
    query = _VERIFY.format(where="AND e.chain = %(only)s" if chain else "")
    while before is not None:
        names = ("chain", "seq", "digest")
        values = dict(zip(names, before, strict=True)) | {"size": size, "only": chain}
        before = None
        for name, seq, digest, problem, is_last in _rows(query, values):
            if problem:
                yield Flaw(name, seq, problem)
            if is_last:
                before = (name, seq, bytes(digest))


def _flaws_of_heads(chain: str | None) -> Iterator[Flaw]:
    query = _HEADS.format(where="AND c.name = %(only)s" if chain else "")
    return (Flaw(*row) for row in _rows(query, {"only": chain, "most": _MOST_FLAWS}))


def _rows(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def log_heads() -> None:
    """Write each chain's name, length and head to the log stream."""
    after = ""
    while heads := list(AuditChain.objects.filter(name__gt=after).order_by("name")[:_PAGE]):
        for chain in heads:
            facts = {"chain": chain.name, "length": chain.length, "head": bytes(chain.head).hex()}
            _log.info("audit chain head", extra=facts)
        after = heads[-1].name
