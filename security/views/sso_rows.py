"""Put the state of single sign-on into words: its steps, its certificates, its domains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from security.models import SsoCertificate, SsoConnection, SsoDomain, SsoTest
from security.services.sso_domains import record_name, record_value
from security.sso_queries import Reach

_YEAR, _SOON, _NOW = 365, 60, 14
_HINTS = {
    "okta": "Guide with Okta's own words.",
    "entra": "Formerly Azure Active Directory.",
    "google": "Needs a Workspace edition with custom SAML apps.",
    "onelogin": "Guide with OneLogin's own words.",
    "ping": "PingOne; PingFederate works with the general guide.",
    "jumpcloud": "Guide with JumpCloud's own words.",
    "other": "Keycloak, Auth0, ADFS, Shibboleth and the rest.",
}


def hints_of() -> dict[str, str]:
    """Return a sentence for each provider."""
    return _HINTS


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate in words."""

    certificate: SsoCertificate
    days: int
    level: str
    label: str
    used: int

    @property
    def has_ended(self) -> bool:
        """Say whether it is over."""
        return self.days < 0


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain in words, with the record that proves it."""

    domain: SsoDomain
    members: int
    level: str
    label: str
    record_name: str
    record_value: str
    is_watched: bool


@dataclass(frozen=True, slots=True)
class State:
    """Everything the page of single sign-on shows."""

    connection: SsoConnection
    certificates: list[CertificateRow]
    domains: list[DomainRow]
    test: SsoTest | None
    is_test_good: bool
    is_test_old: bool
    steps: list[tuple[str, str]]
    next_step: str
    asked: int
    used: int
    members: int
    level: str
    label: str


def state_of(
    connection: SsoConnection,
    *,
    domains: Sequence[SsoDomain],
    test: SsoTest | None,
    reach: Mapping[str, Reach],
    now: datetime,
) -> State:
    """Return the state of the connection in words."""
    rows = [certificate_row(one, now) for one in connection.certificates.order_by("not_after")]
    proved = [reach.get(row.domain, Reach()) for row in domains if row.is_verified]
    is_current = test is not None and test.at >= connection.changed_at
    is_good = bool(test and test.is_good and is_current)
    done = {
        "Connect": connection.is_complete and any(not row.has_ended for row in rows),
        "Claim domain": bool(proved),
        "Test": is_good,
        "Turn on": connection.is_on,
        "Enforce": connection.is_enforced,
    }
    level, label = _chip(connection)
    return State(
        connection=connection,
        certificates=rows,
        domains=[domain_row(row, reach.get(row.domain, Reach()), now) for row in domains],
        test=test,
        is_test_good=is_good,
        is_test_old=test is not None and not is_current,
        steps=_steps(done),
        next_step=next((name for name, is_done in done.items() if not is_done), ""),
        asked=sum(one.asked for one in proved),
        used=sum(one.used for one in reach.values()),
        members=sum(one.members for one in reach.values()),
        level=level,
        label=label,
    )


def _steps(done: Mapping[str, bool]) -> list[tuple[str, str]]:
    current = next((name for name, is_done in done.items() if not is_done), "")
    return [
        (name, "done" if is_done else "current" if name == current else "ahead")
        for name, is_done in done.items()
    ]


def _chip(connection: SsoConnection) -> tuple[str, str]:
    if connection.is_enforced:
        return "good", "On, enforced"
    if connection.is_on:
        return "info", "On, not enforced"
    return "", "Off"


def certificate_row(certificate: SsoCertificate, now: datetime) -> CertificateRow:
    """Return the certificate in words."""
    days = certificate.days_left(now)
    used = max(0, min(_YEAR, _YEAR - days))
    if days < 0:
        return CertificateRow(certificate, days, "danger", "Ended", used)
    level = "danger" if days <= _NOW else "warn" if days <= _SOON else "good"
    return CertificateRow(certificate, days, level, f"{days} day{'' if days == 1 else 's'} left", used)


def domain_row(row: SsoDomain, reach: Reach, now: datetime) -> DomainRow:
    """Return the domain in words."""
    is_watched = row.watched_until is not None and row.watched_until > now
    level, label = ("info", "Waiting for DNS") if is_watched else ("warn", "Not proved")
    if row.is_verified:
        level, label = "good", "Verified"
    name, value = record_name(row.domain), record_value(row)
    return DomainRow(row, reach.members, level, label, name, value, is_watched)
