"""Verify the audit chains, and publish their heads."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from console.core.models import AuditChain

_PAGE = 1000
_log = logging.getLogger("console.audit.head")

# The digest is computed again by the database from the row; the window finds gaps and wrong links.
_VERIFY = """
SELECT chain, seq, problem FROM (
  SELECT e.chain, e.seq,
    CASE
      WHEN e.digest <> core_audit_digest(e) THEN 'the row was changed'
      WHEN e.seq <> 1 + coalesce(lag(e.seq) OVER w, 0) THEN 'an event before it is missing'
      WHEN e.previous <> coalesce(lag(e.digest) OVER w, '\\x'::bytea) THEN 'it does not follow the event before it'
    END AS problem
  FROM core_auditevent e {where} WINDOW w AS (PARTITION BY e.chain ORDER BY e.seq)
) checked WHERE problem IS NOT NULL ORDER BY chain, seq LIMIT 100
"""
_HEADS = """
SELECT c.name, c.length, 'the end of the chain is missing' FROM core_auditchain c
LEFT JOIN core_auditevent e ON e.chain = c.name AND e.seq = c.length
WHERE (c.length > 0 AND (e.digest IS NULL OR e.digest <> c.head)) {where} ORDER BY 1 LIMIT 100
"""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A place where a chain does not hold."""

    chain: str
    seq: int
    problem: str


def verify(chain: str | None = None) -> list[Flaw]:
    """Return where the chains (or the one named) were tampered with; empty means intact."""
    return [Flaw(*row) for row in _find_flaws(chain)]


def _find_flaws(chain: str | None) -> Iterator[tuple[str, int, str]]:
    with connection.cursor() as cursor:
        for query, clause in ((_VERIFY, "WHERE e.chain = %s"), (_HEADS, "AND c.name = %s")):
            cursor.execute(query.format(where=clause if chain else ""), [chain] if chain else [])
            yield from cursor.fetchall()


def log_heads() -> None:
    """Write each chain's name, length and head to the log stream."""
    after = ""
    while heads := list(AuditChain.objects.filter(name__gt=after).order_by("name")[:_PAGE]):
        for chain in heads:
            facts = {"chain": chain.name, "length": chain.length, "head": bytes(chain.head).hex()}
            _log.info("audit chain head", extra=facts)
        after = heads[-1].name
