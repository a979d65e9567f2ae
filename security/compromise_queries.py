"""Gather what the page about a compromised account shows, and how far the way back is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.module_loading import import_string

from accounts.models import Account, Credential, Session, User
from accounts.queries.devices import device_name, is_phone
from accounts.queries.sessions import METHODS
from console.core.events import EventKind
from console.core.models import AuditEvent
from security.models import Anomaly, AuthenticatorDevice, Lockdown, MailCode, PasskeyDevice
from teams.models import Membership
from teams.queries import members_of

PAGE = 8
ANOMALY_DAYS = 30
CONFIRMED_STEPS = {
    "sessions": "Review the sessions",
    "members": "Review the members",
    "factors": "Confirm your second factors",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a part of the page; ``name`` is its parameter in the address."""

    name: str
    rows: Sequence[Any]
    number: int = 1
    has_more: bool = False

    @property
    def earlier_url(self) -> str:
        """Lead to further rows, if there are any."""
        return f"?{self.name}={self.number + 1}#{self.name}" if self.has_more else ""

    @property
    def later_url(self) -> str:
        """Lead to the rows before, if there are any."""
        return f"?{self.name}={self.number - 1}#{self.name}" if self.number > 1 else ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part that a later app adds to the page: payments, usage by country."""

    title: str
    lead: str
    rows: Sequence[tuple[str, str]]
    action_url: str = ""
    action_label: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way back; ``kind`` is fact, confirm or act."""

    name: str
    label: str
    detail: str
    kind: str
    is_done: bool
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Checklist:
    """The way back from a lock-down."""

    lockdown: Lockdown
    steps: list[Step] = field(default_factory=list)

    @property
    def left(self) -> list[str]:
        """Return what is to be done before the account may be reopened."""
        return [step.label for step in self.steps if step.is_needed and not step.is_done]

    @property
    def left_before_tokens(self) -> list[str]:
        """Return what is to be done before tokens may be made again."""
        return [
            step.label for step in self.steps if step.is_needed and not step.is_done and step.kind != "act"
        ]

    @property
    def done(self) -> int:
        """Return how many needed steps are done."""
        return sum(step.is_done for step in self.steps if step.is_needed)

    @property
    def needed(self) -> int:
        """Return how many steps are needed."""
        return sum(step.is_needed for step in self.steps)


def open_lockdown(account: Account) -> Lockdown | None:
    """Return the lock-down that the account is in."""
    rows = Lockdown.objects.of(account).filter(closed_at=None)
    found: Lockdown | None = rows.select_related("begun_by", "account").first()
    return found


def mail_code_of(user: User, *, binding: str, now: datetime) -> MailCode | None:
    """Return the mailed code that this sign-in waits for."""
    return MailCode.objects.filter(user=user, binding=binding, ended_at=None, expires_at__gt=now).first()


def checklist_of(lockdown: Lockdown, *, viewer: User) -> Checklist:
    """Return the steps of the way back, ticked by facts where there is one, as the viewer has to go it."""
    ticked = {row.name: row for row in lockdown.steps.select_related("done_by")}
    has_password = viewer.password_changed_at > lockdown.begun_at
    steps = [
        Step("password", "Change your password", _SAY["password"], "fact", has_password),
        *(
            Step(name, label, _detail(name, ticked.get(name)), "confirm", name in ticked)
            for name, label in CONFIRMED_STEPS.items()
        ),
        Step("tokens", "Let Auth Tokens be made again", _SAY["tokens"], "act", _is_free(lockdown)),
        _new_token(lockdown),
        _members_back(lockdown),
    ]
    return Checklist(lockdown, steps)


_SAY = {
    "password": "Somebody else may know the present one.",
    "sessions": "Who is signed in now, and from where. End what you don't know.",
    "members": "Whether everybody on the list is still with you.",
    "factors": "Whether each of your second factors is yours. Make new recovery codes if somebody may have seen them.",
    "tokens": "Until then nobody can make one, and every call to the API gets 401.",
}


def _detail(name: str, row: Any) -> str:
    if row is None:
        return _SAY[name]
    return f"Ticked by {row.done_by.audit_label}." if row.done_by else "Ticked."


def _is_free(lockdown: Lockdown) -> bool:
    return lockdown.tokens_reopened_at is not None


def _new_token(lockdown: Lockdown) -> Step:
    made = Credential.objects.filter(
        identity__account=lockdown.account, ended_at=None, made_at__gt=lockdown.begun_at
    ).count()
    detail = f"{made} made since." if made else "Your integrations need one. Put it in before you reopen."
    return Step("new-token", "Generate a new Auth Token", detail, "fact", made > 0, is_needed=False)


def _members_back(lockdown: Lockdown) -> Step:
    waiting = Count("pk", filter=~Q(user__reverify_since=None))
    found = members_of(lockdown.account).order_by().aggregate(waiting=waiting, all=Count("pk"))
    detail = f"{found['all'] - found['waiting']} of {found['all']} did so."
    label = "Members prove themselves at their next sign-in"
    return Step("reverify", label, detail, "fact", found["waiting"] == 0, is_needed=False)


# --- The parts of the page -------------------------------------------------------------------


def parts_of(account: Account, *, numbers: dict[str, int], now: datetime) -> dict[str, Part]:
    """Return the parts of the page, one query each."""
    queries: dict[str, QuerySet[Any]] = {
        "anomalies": anomalies_of(account, now=now),
        "sign-ins": sign_ins_of(account),
        "sessions": member_sessions_of(account, now=now),
        "tokens": tokens_of(account, now=now),
        "members": roster_of(account),
    }
    return {name.replace("-", "_"): _part(name, rows, numbers.get(name, 1)) for name, rows in queries.items()}


def _part(name: str, rows: QuerySet[Any], number: int) -> Part:
    start = (number - 1) * PAGE
    found = list(rows[start : start + PAGE + 1])
    return Part(name, [_SHAPES.get(name, _same)(row) for row in found[:PAGE]], number, len(found) > PAGE)


def _same(row: Any) -> Any:
    return row


def sections_of(account: Account, *, now: datetime) -> list[Section]:
    """Return what later apps add, as ``settings.COMPROMISE_SECTIONS`` names it."""
    return [import_string(path)(account=account, now=now) for path in settings.COMPROMISE_SECTIONS]


def anomalies_of(account: Account, *, now: datetime) -> QuerySet[Anomaly]:
    """Return what was unusual lately, what nobody has looked at first."""
    rows = Anomaly.objects.of(account).filter(noted_at__gte=now - timedelta(days=ANOMALY_DAYS))
    rows = rows.select_related("user", "acknowledged_by")
    return rows.order_by(F("acknowledged_at").desc(nulls_first=True), "-noted_at", "-id")


def sign_ins_of(account: Account) -> QuerySet[AuditEvent]:
    """Return the sign-ins of the members, newest first."""
    people = User.objects.filter(pk=OuterRef("user_id")).values("public_id")[:1]
    rows = AuditEvent.objects.filter(user_id__in=_ids(account), kind=EventKind.SIGN_IN_COMPLETED)
    return rows.annotate(person=Subquery(people)).order_by("-id")


def member_sessions_of(account: Account, *, now: datetime) -> QuerySet[Session]:
    """Return where the members are signed in, the session seen last first."""
    idle = timedelta(minutes=settings.CONSOLE_SESSION_IDLE_MINUTES)
    hours = timedelta(hours=settings.CONSOLE_SESSION_HOURS)
    rows = Session.objects.filter(
        user_id__in=_ids(account),
        expire_date__gt=now,
        last_seen_at__gte=now - idle,
        signed_in_at__gte=now - hours,
    )
    return rows.select_related("user").order_by("-last_seen_at", "-signed_in_at")


def _ids(account: Account) -> QuerySet[Membership, Any]:
    return members_of(account).order_by().values("user_id")


def tokens_of(account: Account, *, now: datetime) -> QuerySet[Credential]:
    """Return the live tokens of the account and its subaccounts, the one used last first."""
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    rows = Credential.objects.filter(live, identity__account=account, ended_at=None)
    return rows.select_related("made_by", "identity").order_by(
        F("last_used_at").desc(nulls_last=True), "-made_at", "-id"
    )


def roster_of(account: Account) -> QuerySet[Membership]:
    """Return the members with the strong factors they have."""
    app = AuthenticatorDevice.objects.filter(user=OuterRef("user"), confirmed=True)
    passkey = PasskeyDevice.objects.filter(user=OuterRef("user"), confirmed=True)
    return members_of(account).annotate(has_app=Exists(app), has_passkey=Exists(passkey))


def member_of(account: Account, public_id: Any) -> Membership | None:
    """Return the live membership of the person in the account."""
    return members_of(account).filter(user__public_id=public_id).first()


def _session_row(session: Session) -> dict[str, Any]:
    return {
        "session": session,
        "device": device_name(session.user_agent),
        "is_phone": is_phone(session.user_agent),
        "method": METHODS.get(session.method, session.method.capitalize()),
    }


def _sign_in_row(event: AuditEvent) -> dict[str, Any]:
    return {
        "event": event,
        "person": getattr(event, "person", None),
        "device": event.data.get("device") or device_name(event.user_agent),
        "place": event.data.get("place", ""),
        "method": METHODS.get(str(event.data.get("method", "")), ""),
    }


_SHAPES: dict[str, Any] = {"sessions": _session_row, "sign-ins": _sign_in_row}
