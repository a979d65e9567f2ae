"""The security check-up: one table of checks with their weights, and the rules behind it. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.email_rules import is_group_name

OLD = timedelta(days=90)
FEW_CODES = 3
_NAMED = 3
_SENIOR = {"owner", "admin"}


@dataclass(frozen=True, slots=True)
class Member:
    """What the check-up knows of a member."""

    name: str
    email: str
    role: str
    has_strong: bool
    codes_left: int
    seen_at: datetime
    must_reverify: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """What the check-up knows of a live token."""

    label: str
    is_named: bool
    made_at: datetime
    used_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the checks look at, read in a few queries."""

    now: datetime
    members: Sequence[Member] = ()
    tokens: Sequence[Token] = ()
    allowlist_mode: str = "off"
    live_webhooks: int = 0
    sso_state: str = "off"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: a title, and a sentence with the numbers; ``emails`` are of the people it is about."""

    title: str
    text: str
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its weight in the score, how bad a finding is, and the rule."""

    name: str
    label: str
    weight: int
    severity: str
    judge: Callable[[Facts], Finding | None]


def _strong_factor(facts: Facts) -> Finding | None:
    lacking = [member for member in facts.members if not member.has_strong]
    text = f"{_of(lacking, facts.members)} sign in with phone codes only: {_names(lacking)}."
    return _about(lacking, "Members without authenticator app or passkey", text)


def _old_tokens(facts: Facts) -> Finding | None:
    old = [token for token in facts.tokens if facts.now - token.made_at > OLD]
    text = f"{_of(old, facts.tokens)} {_are(old)} older than {OLD.days} days: {_labels(old)}."
    return Finding("Old tokens", text) if old else None


def _unused_tokens(facts: Facts) -> Finding | None:
    idle = [token for token in facts.tokens if facts.now - (token.used_at or token.made_at) > OLD]
    text = f"{_of(idle, facts.tokens)} {_were(idle)} not used for {OLD.days} days: {_labels(idle)}."
    return Finding("Unused tokens", text) if idle else None


def _endless_tokens(facts: Facts) -> Finding | None:
    named = [token for token in facts.tokens if token.is_named]
    endless = [token for token in named if token.ends_at is None]
    text = f"{_of(endless, named)} named {_plural(named, 'token')} never {'end' if len(endless) != 1 else 'ends'}: {_labels(endless)}."
    return Finding("Tokens without an end", text) if endless else None


def _allowlist(facts: Facts) -> Finding | None:
    if facts.allowlist_mode == "enforcing" or not facts.tokens:
        return None
    if facts.allowlist_mode == "report":
        return Finding("The IP allowlist only reports", "Calls from other addresses still go through.")
    return Finding("The IP allowlist is off", "A stolen token works from every address.")


def _single_owner(facts: Facts) -> Finding | None:
    senior = [member for member in facts.members if member.role in _SENIOR]
    if len(senior) > 1:
        return None
    text = f"{_of(senior, facts.members)} can act for the account: {_names(senior)}. Without them nobody can."
    return Finding("No successor", text)


def _unused_members(facts: Facts) -> Finding | None:
    idle = [
        member for member in facts.members if facts.now - member.seen_at > OLD and not member.must_reverify
    ]
    text = f"{_of(idle, facts.members)} did not sign in for {OLD.days} days: {_names(idle)}."
    return _about(idle, "Members who are never here", text)


def _group_mailbox(facts: Facts) -> Finding | None:
    owners = [member for member in facts.members if member.role == "owner" and is_group_name(member.email)]
    text = f"{', '.join(member.email for member in owners)} reads like a shared mailbox. Everyone who reads it can open our links."
    return _about(owners, "The owner's address is a group's", text)


def _recovery_codes(facts: Facts) -> Finding | None:
    senior = [member for member in facts.members if member.role in _SENIOR]
    low = [member for member in senior if member.codes_left <= FEW_CODES]
    left = ", ".join(f"{member.name} has {member.codes_left}" for member in low[:_NAMED])
    text = f"{len(low)} of {len(senior)} owners and admins {'has' if len(low) == 1 else 'have'} {FEW_CODES} codes left or fewer: {left}{_more(low)}."
    return _about(low, "Few recovery codes", text)


def _audit_webhook(facts: Facts) -> Finding | None:
    if facts.live_webhooks:
        return None
    return Finding(
        "The audit log stays here",
        "0 webhooks send it to a system of yours, where nobody here could reach it.",
    )


def _single_sign_on(facts: Facts) -> Finding | None:
    if facts.sso_state == "enforced" or len(facts.members) <= 1:
        return None
    count = len(facts.members)
    if facts.sso_state == "on":
        text = (
            f"{count} members can still choose a password. Enforced, who leaves your company leaves here too."
        )
        return Finding("Single sign-on is not enforced", text)
    text = f"{count} members have passwords of their own here, and somebody must remember to remove them."
    return Finding("Single sign-on is off", text)


CHECKS: tuple[Check, ...] = (
    Check("strong-factor", "Every member has an authenticator app or passkey", 20, "high", _strong_factor),
    Check("single-owner", "Somebody else can act for the owner", 13, "high", _single_owner),
    Check("group-mailbox", "The owner's address is a person's own", 12, "high", _group_mailbox),
    Check("allowlist", "The IP allowlist enforces", 12, "medium", _allowlist),
    Check("old-tokens", f"No token is older than {OLD.days} days", 9, "medium", _old_tokens),
    Check("unused-tokens", f"Every token was used in the last {OLD.days} days", 8, "medium", _unused_tokens),
    Check(
        "unused-members",
        f"Every member signed in during the last {OLD.days} days",
        8,
        "medium",
        _unused_members,
    ),
    Check("recovery-codes", "Owner and admins have recovery codes left", 6, "medium", _recovery_codes),
    Check("single-sign-on", "Members sign in with the company's provider", 5, "low", _single_sign_on),
    Check("endless-tokens", "Every named token ends", 4, "low", _endless_tokens),
    Check("audit-webhook", "The audit log is kept elsewhere too", 3, "low", _audit_webhook),
)
LABELS = {check.name: check.label for check in CHECKS}


def score_of(passed: Iterable[Check], applied: Iterable[Check]) -> int:
    """Return the share of the weights that pass, from 0 to 100."""
    most = sum(check.weight for check in applied)
    return round(100 * sum(check.weight for check in passed) / most) if most else 100


def _about(people: Sequence[Member], title: str, text: str) -> Finding | None:
    emails = tuple(member.email for member in people)
    return Finding(title, text, emails) if people else None


def _of(some: Sequence[object], all_: Sequence[object]) -> str:
    noun = "member" if all_ and isinstance(all_[0], Member) else "token"
    if all_ and isinstance(all_[0], Token) and all_[0].is_named and all(_is_named(row) for row in all_):
        return f"{len(some)} of {len(all_)}"
    return f"{len(some)} of {len(all_)} {_plural(all_, noun)}"


def _is_named(row: object) -> bool:
    return isinstance(row, Token) and row.is_named


def _plural(rows: Sequence[object], noun: str) -> str:
    return noun if len(rows) == 1 else f"{noun}s"


def _are(rows: Sequence[object]) -> str:
    return "is" if len(rows) == 1 else "are"


def _were(rows: Sequence[object]) -> str:
    return "was" if len(rows) == 1 else "were"


def _names(people: Sequence[Member]) -> str:
    return ", ".join(member.name for member in people[:_NAMED]) + _more(people)


def _labels(tokens: Sequence[Token]) -> str:
    return ", ".join(token.label for token in tokens[:_NAMED]) + _more(tokens)


def _more(rows: Sequence[object]) -> str:
    return f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
