"""Mail what sign-ups need, and sweep what nobody finished."""

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services.activation import make_activation_link
from accounts.services.links import address_of
from accounts.services.sweeping import sweep_abandoned, sweep_old
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent


@subscriber(EventKind.USER_SIGNED_UP, EventKind.ACTIVATION_REQUESTED)
def mail_activation(event: AuditEvent) -> None:
    """Send the link that confirms the address, unless the address was confirmed meanwhile."""
    user = _addressee(event)
    if user and user.email_verified_at is None:
        _queue_activation(event, user, is_repeated=False)


@subscriber(EventKind.SIGN_UP_REPEATED)
def mail_repeated_sign_up(event: AuditEvent) -> None:
    """Tell the owner of a known address what to do: confirm it, or sign in."""
    user = _addressee(event)
    if user is None:
        return
    if user.email_verified_at is None:
        _queue_activation(event, user, is_repeated=True)
    else:
        _queue_already_registered(event, user)


def _addressee(event: AuditEvent) -> User | None:
    # Above the limits of an address the event stays, and the mail is left out.
    if not event.data.get("mails") or event.user_id is None:
        return None
    return User.objects.filter(pk=event.user_id, is_active=True).first()


def _queue_activation(event: AuditEvent, user: User, *, is_repeated: bool) -> None:
    link = make_activation_link(user=user, now=timezone.now())
    context = {
        "full_name": user.full_name,
        "email": user.email,
        "hours": settings.CONSOLE_ACTIVATION_HOURS,
        "is_repeated": is_repeated,
        "button_url": address_of(link, route="accounts:activate_link"),
        "button_label": "Confirm address",
        "why": "You get this mail because somebody signed up with this address. If it was not you, do nothing.",
    }
    queue_mail("accounts/activation", to=user.email, key=f"event:{event.public_id}", context=context)


def _queue_already_registered(event: AuditEvent, user: User) -> None:
    context = {
        "full_name": user.full_name,
        "email": user.email,
        "button_url": settings.BASE_URL + reverse("accounts:sign_in"),
        "button_label": "Sign in",
        "reset_url": settings.BASE_URL + reverse("accounts:password_reset"),
        "why": "You get this mail because somebody signed up with this address. If it was not you, do nothing.",
    }
    queue_mail("accounts/already_registered", to=user.email, key=f"event:{event.public_id}", context=context)


@shared_task(name="accounts.sweep_expired")
def sweep_expired(**_later: object) -> None:
    """Delete sign-ups that nobody confirmed, and links, codes and sessions that are over."""
    now = timezone.now()
    sweep_abandoned(now=now)
    sweep_old(now=now)
