"""Rows of the kernel: audit events, deliveries, outgoing mails and texts, limits, heartbeats."""

import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from console.core import crypto
from console.core.outbox import Work

if TYPE_CHECKING:
    from console.core.access import Actor


class AuditChain(models.Model):
    """Head of one hash chain; only the database's trigger writes it."""

    name = models.CharField(max_length=40, primary_key=True)
    length = models.BigIntegerField(default=0)
    head = models.BinaryField(max_length=32)


class AuditEvent(models.Model):
    """A fact that stays. A trigger gives it ``seq``, ``previous`` and ``digest`` and refuses every change.

    ``chain`` is ``account:<id>``, ``user:<id>``, ``staff`` or ``system``.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True)
    chain = models.CharField(max_length=40)
    seq = models.BigIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=60)
    account_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    actor_kind = models.CharField(max_length=20)
    actor_label = models.CharField(max_length=254, default="")
    target_type = models.CharField(max_length=60, default="")
    target_id = models.CharField(max_length=60, default="")
    target_label = models.CharField(max_length=254, default="")
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, default="")
    request_id = models.CharField(max_length=64, default="")
    previous = models.BinaryField(default=bytes)
    digest = models.BinaryField(default=bytes)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="audit_event_place")]
        indexes = [
            models.Index(fields=["account_id", "-id"], name="audit_event_account"),
            models.Index(fields=["user_id", "-id"], name="audit_event_user"),
            # The filters of the audit log's page: each answers at once in a log of a million events.
            models.Index(fields=["chain", "user_id", "seq"], name="audit_event_who"),
            models.Index(fields=["chain", "kind", "seq"], name="audit_event_what"),
            models.Index(fields=["chain", "at"], name="audit_event_when"),
            models.Index(fields=["chain", "ip"], name="audit_event_where"),
        ]

    def __str__(self) -> str:
        return f"{self.chain}#{self.seq} {self.kind}"

    @classmethod
    def append(
        cls,
        kind: str,
        *,
        actor: "Actor",
        target: models.Model | None,
        account: models.Model | None,
        data: dict[str, Any],
        at: datetime | None = None,
    ) -> "AuditEvent":
        """Insert one event at the end of its chain."""
        account_id = getattr(account or actor.account, "pk", None)
        user_id = getattr(actor.user, "pk", None)
        return cls.objects.create(
            chain=_chain_of(account_id, user_id, actor.kind),
            kind=kind,
            at=at or timezone.now(),
            account_id=account_id,
            user_id=user_id,
            actor_kind=actor.kind,
            actor_label=_label(actor.user)[:254],
            target_type=target._meta.label_lower if target else "",
            target_id=str(target.pk) if target else "",
            target_label=_label(target)[:254],
            data=json.loads(json.dumps(data, cls=DjangoJSONEncoder)),
            ip=actor.origin.ip,
            user_agent=actor.origin.user_agent,
            request_id=actor.origin.request_id,
        )


def _chain_of(account_id: int | None, user_id: int | None, actor_kind: str) -> str:
    if account_id:
        return f"account:{account_id}"
    if actor_kind == "staff":
        return "staff"
    return f"user:{user_id}" if user_id else "system"


def _label(row: Any) -> str:
    return str(getattr(row, "audit_label", "")) if row is not None else ""


class Delivery(Work):
    """One event on its way to one subscriber."""

    event = models.ForeignKey(AuditEvent, models.CASCADE, related_name="deliveries")
    task = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "task"], name="delivery_once")]
        indexes = [
            models.Index(fields=["due_at"], name="delivery_due", condition=Q(done_at=None, failed_at=None))
        ]


class OutgoingMail(Work):
    """A mail to one address. The body is encrypted, and wiped once the mail has left.

    ``key`` names the reason, so that one reason makes one mail however often it is queued.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True)
    key = models.CharField(max_length=120, unique=True)
    template = models.CharField(max_length=80)
    to = models.CharField(max_length=320)
    subject = models.CharField(max_length=200)
    headers = models.JSONField(default=dict)
    sealed = models.BinaryField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="mail_due", condition=Q(done_at=None, failed_at=None))
        ]

    def seal(self, text: str, html: str) -> None:
        """Put the two parts into the row, encrypted."""
        body = json.dumps({"text": text, "html": html}).encode()
        self.sealed = crypto.encrypt(body, context=self.context)

    def open(self) -> tuple[str, str]:
        """Return text and HTML part."""
        body = json.loads(crypto.decrypt(bytes(self.sealed or b""), context=self.context))
        return body["text"], body["html"]

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"core.outgoingmail:{self.public_id}"


class OutgoingText(Work):
    """A text message or a spoken call to one number. The text is encrypted, and wiped once sent."""

    class Channel(models.TextChoices):
        """How the text reaches the person."""

        SMS = "sms", "SMS"
        VOICE = "voice", "Voice call"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True)
    key = models.CharField(max_length=120, unique=True)
    channel = models.CharField(max_length=10, choices=Channel)
    to = models.CharField(max_length=20)
    sealed = models.BinaryField(null=True)
    carrier_id = models.CharField(max_length=100, default="")
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="text_due", condition=Q(done_at=None, failed_at=None))
        ]

    def seal(self, text: str) -> None:
        """Put the text into the row, encrypted."""
        self.sealed = crypto.encrypt(text.encode(), context=self.context)

    def open(self) -> str:
        """Return the text."""
        return crypto.decrypt(bytes(self.sealed or b""), context=self.context).decode()

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"core.outgoingtext:{self.public_id}"


class RateBucket(models.Model):
    """A counter of one purpose and one key in one window of time."""

    key = models.CharField(max_length=64, primary_key=True)
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)
    spent = models.PositiveIntegerField()


class Heartbeat(models.Model):
    """When a background process was last seen alive."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
