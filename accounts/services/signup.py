"""Open accounts: the same answer in the same time, whether or not the address is known."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from accounts.email_rules import CanonicalEmail, canonical_email
from accounts.models import Account, ApiIdentity, User
from accounts.names import clean_name
from accounts.queries import rules
from accounts.services.hashing import hash_password, hashing_slot, is_right
from accounts.services.mail_ceiling import count_mail
from console.core.access import Actor
from console.core.errors import DomainError, TooManyRequests
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin

NAME_LIMIT, COMPANY_LIMIT = 150, 255
_HOUR, _DAY = 3600, 24 * 3600

_NETWORKS = {
    "vpn": "You come from a VPN, and accounts can't be opened from one.",
    "proxy": "You come through a proxy, and accounts can't be opened from one.",
    "tor": "You come through Tor, and accounts can't be opened from there.",
    "hosting": "You come from a data centre, and accounts can't be opened from one. VPNs often end there.",
    "blocked": "Accounts can't be opened from this network.",
}


class NetworkRefused(DomainError):
    """The person comes from a network from which no account is opened; ``code`` is its kind."""


@dataclass(frozen=True, slots=True)
class SignUp:
    """What the browser that signed up may go on with.

    ``user`` is set when the address waits for its confirmation and the password is the account's own; the
    page must not tell.
    """

    email: str
    user: User | None


def check_network(*, origin: Origin, now: datetime) -> None:
    """Refuse networks that hide who comes.

    :raises NetworkRefused: if staff block the network, or it is a VPN, a proxy, Tor or a data centre
    """
    if reason := rules.refused_network(origin.ip, now=now):
        raise NetworkRefused(_NETWORKS[reason], code=reason)


def sign_up(
    *, email: str, full_name: str, company_name: str, password: str, origin: Origin, now: datetime
) -> SignUp:
    """Open an account for a new address; for a known one the mail says what to do.

    Both ways hash one password and write the same rows, of which a known address keeps none but its event.

    :raises NetworkRefused: from a VPN and the like
    :raises TooManyRequests: after too many sign-ups from the network, or in the whole product
    """
    address = canonical_email(email)
    person = clean_name(full_name, limit=NAME_LIMIT)
    company = clean_name(company_name, limit=COMPANY_LIMIT)
    check_network(origin=origin, now=now)
    _count_sign_up(origin, now)
    may_mail = count_activation_mail(address.key, now=now, quietly=True)
    user = User.objects.filter(email_key=address.key).first()
    if user is None:
        encoded = hash_password(password)
        try:
            made = _open(address, person, company, encoded, may_mail=may_mail, origin=origin, now=now)
            return SignUp(address.address, made)
        except IntegrityError:
            # Somebody else took the address in this very moment.
            user = User.objects.get(email_key=address.key)
    with hashing_slot():
        is_own = is_right(password, user)
    _repeat(user, person, company, may_mail=may_mail, origin=origin, now=now)
    is_waiting = is_own and user.email_verified_at is None
    return SignUp(address.address, user if is_waiting else None)


def resend_activation(*, email: str, origin: Origin, now: datetime) -> None:
    """Mail another activation link, or what a known address needs instead.

    :raises TooManyRequests: within the cooldown, above the links of a day, or above what a network may ask
    """
    address = canonical_email(email)
    limit = Limit("activation-network", settings.CONSOLE_SIGN_UPS_PER_ADDRESS_HOUR, _HOUR)
    spend(limit, rules.network_key(origin.ip), now=now)
    count_activation_mail(address.key, now=now)
    user = User.objects.filter(email_key=address.key, is_active=True).first()
    if user is None:
        return
    kind = EventKind.SIGN_UP_REPEATED if user.email_verified_at else EventKind.ACTIVATION_REQUESTED
    with transaction.atomic():
        record(kind, actor=_visitor(user, origin), target=user, mails=True)


def mail_another_link(user: User, *, origin: Origin, now: datetime) -> None:
    """Mail an unconfirmed person another link when one may be sent; nothing shows outside."""
    if count_activation_mail(user.email_key, now=now, quietly=True):
        with transaction.atomic():
            record(EventKind.ACTIVATION_REQUESTED, actor=_visitor(user, origin), target=user, mails=True)


def count_activation_mail(email_key: str, *, now: datetime, quietly: bool = False) -> bool:
    """Count one mail to the address, known or not, and say whether it may be sent.

    :raises TooManyRequests: unless ``quietly``
    """
    seconds = settings.CONSOLE_MAIL_COOLDOWN_SECONDS
    try:
        message = "A mail is on its way already. The next one can be sent soon."
        spend(Limit("activation-cooldown", 1, seconds), email_key, now=now, message=message)
        message = f"{settings.CONSOLE_MAILS_PER_DAY} mails a day go to one address, and today's are sent."
        spend(
            Limit("activation-day", settings.CONSOLE_MAILS_PER_DAY, _DAY), email_key, now=now, message=message
        )
        count_mail(now=now)
    except TooManyRequests:
        if not quietly:
            raise
        return False
    return True


def _count_sign_up(origin: Origin, now: datetime) -> None:
    spend(
        Limit("sign-up", settings.CONSOLE_SIGN_UPS_PER_ADDRESS_HOUR, _HOUR),
        rules.network_key(origin.ip),
        now=now,
        message="Too many accounts were opened from your network in the last hour. Try again later.",
    )


@transaction.atomic
def _open(
    email: CanonicalEmail,
    full_name: str,
    company: str,
    encoded: str,
    *,
    may_mail: bool,
    origin: Origin,
    now: datetime,
) -> User:
    user = User.objects.create(
        email=email.address,
        email_key=email.key,
        full_name=full_name,
        password=encoded,
        terms_accepted_at=now,
        password_changed_at=now,
        created_at=now,
    )
    account = Account.objects.create(name=company, opened_by=user, created_at=now)
    ApiIdentity.objects.create(auth_id=account.auth_id, account=account, created_at=now)
    import_string(settings.OWNER_ENROLLER)(account=account, user=user)
    actor = Actor.person(user, origin=origin, account=account)
    record(EventKind.USER_SIGNED_UP, actor=Actor.person(user, origin=origin), target=user, mails=may_mail)
    record(EventKind.ACCOUNT_OPENED, actor=actor, target=account)
    return user


@transaction.atomic
def _repeat(
    user: User, full_name: str, company: str, *, may_mail: bool, origin: Origin, now: datetime
) -> None:
    nobody = f"{uuid.uuid4().hex}@invalid"
    _rehearse(nobody, full_name, company, origin=origin, now=now)
    record(EventKind.SIGN_UP_REPEATED, actor=_visitor(user, origin), target=user, mails=may_mail)


def _rehearse(nobody: str, full_name: str, company: str, *, origin: Origin, now: datetime) -> None:
    # The rows of a sign-up, written and rolled back: it takes as long as a real one.
    email = CanonicalEmail(nobody, *nobody.split("@"))
    with transaction.atomic():
        _open(email, full_name, company, "!", may_mail=False, origin=origin, now=now)
        transaction.set_rollback(True)


def _visitor(user: User, origin: Origin) -> Actor:
    # The event belongs to the address's history, but nobody proved to be that person.
    return Actor(user=user, kind="visitor", origin=origin)
