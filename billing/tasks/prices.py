"""Announce new prices, by mail."""

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from billing.countries import countries
from billing.models import PriceList, PriceNotice
from billing.services.price_notices import plan_notices, tell_notices
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from console.core.templatetags.ui import money
from teams.queries import contacts_of

_NAMED = 5


@shared_task(name="billing.tell_price_notices")
def tell_price_notices() -> None:
    """Announce new prices to those who were not told yet."""
    tell_notices(now=timezone.now())


@subscriber(EventKind.PRICES_PUBLISHED)
def plan_price_notices(event: AuditEvent) -> None:
    """Note who is told about the list."""
    plan_notices(published=PriceList.objects.get(pk=event.target_id), now=event.at)


@subscriber(EventKind.PRICE_CHANGE_ANNOUNCED)
def mail_price_change(event: AuditEvent) -> None:
    """Tell those who answer for the account what changes, when, and by how much."""
    notice = PriceNotice.unscoped.select_related("account", "price_list").get(pk=event.target_id)
    account, published = notice.account, notice.price_list
    url = reverse("billing:price_voice", kwargs={"account": account.auth_id})
    first = notice.countries.split(" ")[0]
    context = {
        "account": account,
        "starts_on": f"{published.effective_at:%-d %B %Y}",
        "countries": _named(notice.countries.split(" ")),
        "amount": money(abs(notice.impact)),
        "direction": "more" if notice.impact > 0 else "less" if notice.impact < 0 else "",
        "facts": [("Account", f"{account.name}, {account.auth_id}"), ("Price list", published.name)],
        "button_url": f"{settings.BASE_URL}{url}?country={first}&on={published.effective_at:%Y-%m-%d}",
        "button_label": "See the new rates",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail("billing/price_change", to=person.email, key=key, context={**context, "person": person})


def _named(codes: list[str]) -> str:
    names = [countries()[code].name for code in codes if code in countries()]
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return ", ".join(names)
