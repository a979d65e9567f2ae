"""Decide who an assertion is about: one person per name at the provider, inside the account's own domains."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.email_rules import CanonicalEmail, EmailRefused, canonical_email
from accounts.models import Session, User
from accounts.names import NameRefused, clean_name
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.requests import Origin
from security import sso_queries
from security.models import SsoConnection, SsoLink
from security.services.sso_errors import SsoRefused
from security.sso.assertion import Assertion
from teams import services as teams
from teams.links import TAKES_NOBODY
from teams.models import Membership
from teams.roles import Role
from teams.roster import open_invitations

_STRENGTH = [Role.ADMIN, Role.DEVELOPER, Role.ANALYST, Role.SUPPORT]
_LONGEST_NAME = 150


@dataclass(frozen=True, slots=True)
class Profile:
    """What an assertion says of a person, read by the names that the connection gives its attributes."""

    email: CanonicalEmail
    full_name: str
    role: Role | None
    groups: tuple[str, ...]


def read_profile(connection: SsoConnection, assertion: Assertion) -> Profile:
    """Return who the assertion speaks of.

    :raises SsoRefused: without an address inside a domain that the account has proved to be its own
    """
    given = assertion.attributes
    values = given.get(connection.email_attribute, ()) if connection.email_attribute else (assertion.name_id,)
    if len(values) != 1:
        raise SsoRefused("address", "the email attribute is missing or has several values")
    email = _address(values[0])
    if not sso_queries.has_domain(connection.account, email.domain):
        raise SsoRefused("domain", "the address is outside the account's domains")
    groups = given.get(connection.groups_attribute, ()) if connection.groups_attribute else ()
    return Profile(email, _name(connection, assertion) or email.local, role_for(connection, groups), groups)


def _address(text: str) -> CanonicalEmail:
    if not text.isascii():
        raise SsoRefused("address", "the address is not plain ASCII")
    try:
        return canonical_email(text)
    except EmailRefused as error:
        raise SsoRefused("address", "the address is none that mail could reach") from error


def _name(connection: SsoConnection, assertion: Assertion) -> str:
    """Return the name in a form that pages can show, or nothing."""

    def first(attribute: str) -> str:
        return next(iter(assertion.attributes.get(attribute, ())), "") if attribute else ""

    whole = first(connection.full_name_attribute)
    parts = [first(connection.first_name_attribute), first(connection.last_name_attribute)]
    try:
        return clean_name(whole or " ".join(part for part in parts if part), limit=_LONGEST_NAME)
    except NameRefused:
        return ""


def role_for(connection: SsoConnection, groups: tuple[str, ...]) -> Role | None:
    """Return the strongest role that the groups stand for, or None when they stand for none; never the owner's."""
    found = set(connection.group_roles.filter(group__in=groups).values_list("role", flat=True))
    return next((role for role in _STRENGTH if role in found), None)


@transaction.atomic
def admit(
    *, connection: SsoConnection, assertion: Assertion, profile: Profile, origin: Origin, now: datetime
) -> SsoLink:
    """Return the link of the person that the provider vouches for; a new person becomes a member.

    :raises SsoRefused: if the provider may not speak for that person, or the account does not take them
    """
    if connection.account.state in sso_queries.CLOSED:
        raise SsoRefused("off", "the account is closed")
    link = _find_link(connection, assertion)
    if link is None:
        # People who come for the first time wait for one another: two clicks make one person.
        SsoConnection.unscoped.select_for_update().get(pk=connection.pk)
        link = _find_link(connection, assertion) or _link(connection, assertion, profile, origin, now)
    _check_person(connection, link, profile)
    _check_member(connection, link.user, profile, origin, now)
    link.last_used_at = now
    link.save(update_fields=["last_used_at"])
    return link


def _find_link(connection: SsoConnection, assertion: Assertion) -> SsoLink | None:
    links = SsoLink.objects.select_for_update(of=("self",)).select_related("user")
    return links.filter(connection=connection, name_id=assertion.name_id).first()


def _check_person(connection: SsoConnection, link: SsoLink, profile: Profile) -> None:
    """Refuse people whom no account's provider may sign in, and addresses that changed hands."""
    user = link.user
    if user.is_staff or not user.is_active:
        raise SsoRefused("person", "staff and disabled people do not sign in through an account's provider")
    if user.email_key == profile.email.key:
        return
    own_domain = user.email_key.rpartition("@")[2]
    is_taken = User.objects.filter(email_key=profile.email.key).exists()
    if is_taken or not sso_queries.has_domain(connection.account, own_domain):
        raise SsoRefused("other-person", "the provider's name is linked to a person with another address")


def _link(
    connection: SsoConnection, assertion: Assertion, profile: Profile, origin: Origin, now: datetime
) -> SsoLink:
    user = User.objects.select_for_update().filter(email_key=profile.email.key).first()
    if user is None:
        user = _make_person(connection, profile, origin, now)
    elif user.is_staff or not user.is_active:
        raise SsoRefused("person", "staff and disabled people do not sign in through an account's provider")
    elif user.email_verified_at is None:
        _prove_address(user, origin, now)
    if SsoLink.objects.filter(connection=connection, user=user).exists():
        raise SsoRefused("other-person", "the person is linked to another name at the provider")
    if _is_owner(connection, user):
        raise SsoRefused("owner", "the owner links the provider by a test, not by its word alone")
    return link_person(connection=connection, user=user, assertion=assertion, origin=origin, now=now)


def link_person(
    *, connection: SsoConnection, user: User, assertion: Assertion, origin: Origin, now: datetime
) -> SsoLink:
    """Tie the provider's name for a person to them, in the caller's transaction."""
    link = SsoLink.objects.create(
        connection=connection,
        user=user,
        name_id=assertion.name_id,
        name_id_format=assertion.name_id_format,
        made_at=now,
    )
    actor = Actor.person(user, origin=origin, account=connection.account)
    is_new = user.created_at == now
    record(EventKind.SSO_LINKED, actor=actor, target=link, account=connection.account, is_new_person=is_new)
    return link


def _is_owner(connection: SsoConnection, user: User) -> bool:
    return Membership.objects.of(connection.account).filter(user=user, role=Role.OWNER).exists()


def _make_person(connection: SsoConnection, profile: Profile, origin: Origin, now: datetime) -> User:
    """Make a person without a password; the company's domain proves the address."""
    user = User(
        email=profile.email.address,
        email_key=profile.email.key,
        full_name=profile.full_name,
        email_verified_at=now,
        created_at=now,
        password_changed_at=now,
    )
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        # The directory, an invitation or a sign-up made the person in the same moment.
        raise SsoRefused("stale", "the person was made at the same moment") from error
    actor = Actor.person(user, origin=origin)
    record(EventKind.USER_SIGNED_UP, actor=actor, target=user, mails=False, provider=connection.provider)
    record(EventKind.EMAIL_VERIFIED, actor=actor, target=user, email=user.email)
    return user


def _prove_address(user: User, origin: Origin, now: datetime) -> None:
    """Give an address that nobody confirmed to the person the provider vouches for; older proofs end."""
    user.email_verified_at = user.password_changed_at = now
    user.set_unusable_password()
    user.save(update_fields=["email_verified_at", "password", "password_changed_at"])
    Session.objects.filter(user=user).delete()
    record(EventKind.EMAIL_VERIFIED, actor=Actor.person(user, origin=origin), target=user, email=user.email)


def _check_member(
    connection: SsoConnection, user: User, profile: Profile, origin: Origin, now: datetime
) -> None:
    """Make the person a member, or give the member the role that their groups stand for now.

    :raises SsoRefused: if the account does not take them
    """
    account, system = connection.account, Actor.system(connection.account)
    member = Membership.objects.of(account).filter(user=user).first()
    if member is None or (member.suspended_at is None and not member.is_live(now)):
        _join(connection, user, member, profile, origin, now)
    elif not member.is_live(now):
        raise SsoRefused("suspended", "the membership has ended or is suspended")
    elif member.role != Role.OWNER and profile.role not in {None, member.role}:
        teams.change_role(actor=system, member_id=member.public_id, role=Role(profile.role), now=now)


def _join(
    connection: SsoConnection,
    user: User,
    ended: Membership | None,
    profile: Profile,
    origin: Origin,
    now: datetime,
) -> None:
    """Make the person a member as their invitation says, or as the connection does; what ended needs an invitation."""
    account, system = connection.account, Actor.system(connection.account)
    if account.state in TAKES_NOBODY:
        raise SsoRefused("off", "the account takes no members now")
    invitation = open_invitations(account).filter(email_key=user.email_key, expires_at__gt=now).first()
    if invitation is None and ended is not None:
        raise SsoRefused("suspended", "the membership has ended")
    try:
        if invitation is None:
            role = profile.role or Role(connection.default_role)
            teams.enrol_member(actor=system, user=user, role=role, now=now)
            return
        joined = teams.accept_invitation(
            invitation_id=invitation.public_id, user=user, origin=origin, now=now
        )
    except teams.PlanNeeded as error:
        raise SsoRefused("plan", "the account has no plan that includes a team") from error
    except (teams.AlreadyMember, teams.InvitationRefused) as error:
        raise SsoRefused("stale", "the team changed at the same moment") from error
    if profile.role not in {None, joined.role}:
        teams.change_role(actor=system, member_id=joined.public_id, role=Role(profile.role), now=now)
