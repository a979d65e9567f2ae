"""Do the work that waits in PostgreSQL, as a worker would, and read what left the house."""

from celery import current_app
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from console.core import tasks
from console.core.models import Delivery, OutgoingMail, OutgoingText
from console.devinbox.models import DevMessage


def do_work(rounds: int = 5) -> None:
    """Run deliveries, mails and texts until nothing is due."""
    for _ in range(rounds):
        now = timezone.now()
        deliveries = Delivery.overdue(now=now, limit=500)
        for delivery in deliveries:
            current_app.tasks[delivery.task](delivery_id=delivery.pk)
        mails = OutgoingMail.overdue(now=now, limit=500)
        for row in mails:
            tasks.send_mail(mail_id=row.pk)
        texts = OutgoingText.overdue(now=now, limit=500)
        for text in texts:
            tasks.send_text(text_id=text.pk)
        if not (deliveries or mails or texts):
            return


def mails_to(address: str) -> list[EmailMultiAlternatives]:
    """Do the waiting work, and return the mails to the address, oldest first."""
    do_work()
    return [message for message in mail.outbox if address in message.to]


def newest_code(number: str = "") -> str:
    """Do the waiting work, and return the newest code sent to the number."""
    do_work()
    rows = DevMessage.objects.exclude(code="").exclude(channel="email").order_by("-id")
    if number:
        rows = rows.filter(to=number)
    return rows[0].code
