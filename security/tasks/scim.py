"""Tell the owner and the admins who may provision the account."""

from django.conf import settings
from django.urls import reverse

from accounts.models import Account
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from teams.queries import contacts_of

K = EventKind
_HEADINGS = {
    K.SCIM_TOKEN_MADE: "A token for provisioning {account} was made",
    K.SCIM_TOKEN_REVOKED: "A token for provisioning {account} was revoked",
    K.SCIM_GROUP_ROLE_SET: "The group {target} stands for another role in {account}",
}
_TEXTS = {
    K.SCIM_TOKEN_MADE: "Whoever holds it adds and removes members.",
    K.SCIM_TOKEN_REVOKED: "Calls with it are refused. Members stay as they are.",
    K.SCIM_GROUP_ROLE_SET: "Its people have the role from their next click on.",
}


@subscriber(*_HEADINGS)
def mail_provisioning(event: AuditEvent) -> None:
    """Say what was done, and by whom from where."""
    account, kind = Account.objects.get(pk=event.account_id or 0), EventKind(event.kind)
    facts = [
        ("Account", f"{account.name}, {account.auth_id}"),
        ("By", event.actor_label or settings.SITE_NAME),
        ("From", event.ip or "unknown"),
    ]
    if kind == K.SCIM_GROUP_ROLE_SET:
        facts.insert(1, ("Role", f"{event.data['before']['role']}, now {event.data['after']['role']}"))
    else:
        facts.insert(1, ("Token", event.target_label))
    context = {
        "account": account,
        "heading": _HEADINGS[kind].format(account=account.name, target=event.target_label),
        "text": _TEXTS[kind],
        "facts": facts,
        "button_label": "Open Provisioning",
        "button_url": settings.BASE_URL
        + reverse("security:provisioning", kwargs={"account": account.auth_id}),
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail("security/provisioning", to=person.email, key=key, context=context)
