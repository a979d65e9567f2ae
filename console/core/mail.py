"""Queue mails as rows, and send what is queued: text and HTML, once per reason."""

from collections.abc import Mapping
from email.utils import make_msgid
from functools import cache
from typing import Any

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template import Context, engines
from django.template.loader import render_to_string
from django.utils import timezone

from console.core.events import send_tasks
from console.core.models import OutgoingMail

_SUBJECT_LIMIT = 200


def queue_mail(
    template: str, *, to: str, key: str, context: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> OutgoingMail | None:
    """Render ``templates/mail/<template>/`` and queue it in the caller's transaction.

    ``key`` names the reason; a second mail for the same reason is not queued and None is returned.
    """
    subject, text, html = render_mail(template, context)
    mail = OutgoingMail(key=key, template=template, to=to, subject=subject, due_at=timezone.now())
    mail.headers = dict(headers or {})
    mail.seal(text, html)
    made = (
        OutgoingMail.objects.bulk_create([mail], ignore_conflicts=True)
        and OutgoingMail.objects.filter(public_id=mail.public_id).first()
    )
    if made:
        transaction.on_commit(lambda: send_tasks([("core.send_mail", {"mail_id": made.pk})]), robust=True)
    return made or None


def render_mail(template: str, context: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return subject (one line), text part and HTML part with its styles inlined."""
    values = {
        "site_name": settings.SITE_NAME,
        "base_url": settings.BASE_URL,
        "support_email": settings.SUPPORT_EMAIL,
        **context,
    }
    folder = f"mail/{template}"
    subject = " ".join(_render_text(f"{folder}/subject.txt", values).split())[:_SUBJECT_LIMIT]
    values["subject"] = subject
    text = _render_text(f"{folder}/body.txt", values).strip() + "\n"
    html = _inliner().inline(render_to_string(f"{folder}/body.html", values))
    return subject, text, html


def _render_text(template: str, values: Mapping[str, Any]) -> str:
    """Render a part that is no HTML: O'Brien & Co stays O'Brien & Co."""
    found: Any = engines["django"].get_template(template)
    return str(found.template.render(Context(dict(values), autoescape=False)))


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


def build_message(mail: OutgoingMail) -> EmailMultiAlternatives:
    """Return the message of the row; its Message-ID is the same at every try."""
    text, html = mail.open()
    domain = make_msgid(domain=settings.BASE_URL.split("//")[-1].split(":")[0] or "localhost").split("@")[-1]
    headers = {
        "Message-ID": f"<{mail.public_id}@{domain}",
        "Auto-Submitted": "auto-generated",
        **mail.headers,
    }
    message = EmailMultiAlternatives(mail.subject, text, to=[mail.to], headers=headers)
    message.attach_alternative(html, "text/html")
    return message
