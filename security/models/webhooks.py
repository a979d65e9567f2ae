"""Where an account's events are pushed to, and each event on its way there."""

import uuid
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from console.core import crypto
from console.core.outbox import Work


class WebhookEndpoint(TenantModel):
    """A customer's server that is told what happens in the account.

    ``cursor`` is the place in the account's chain up to which events were taken for it. ``busy_until`` lets one
    worker send to it at a time, and ``rests_until`` keeps a failing one from holding workers up.
    """

    class State(models.TextChoices):
        """Whether it is sent to, and if not, who stopped it."""

        ENABLED = "enabled", "On"
        PAUSED = "paused", "Paused"
        STOPPED = "stopped", "Stopped"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=100, default="")
    areas = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State, default=State.ENABLED)
    stop_reason = models.CharField(max_length=20, default="")
    sealed_secret = models.BinaryField()
    sealed_previous = models.BinaryField(null=True)
    previous_ends_at = models.DateTimeField(null=True)
    rotation_id = models.UUIDField(null=True)
    secret_made_at = models.DateTimeField(default=timezone.now)
    cursor = models.BigIntegerField(default=0)
    busy_until = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["failing_since"], name="webhook_failing", condition=~Q(failing_since=None)),
        ]

    def __str__(self) -> str:
        return self.host

    @property
    def host(self) -> str:
        """Return the name of the server, without a path that may hold a secret of the customer's."""
        return urlsplit(self.url).netloc

    @property
    def audit_label(self) -> str:
        """Name the endpoint in the audit log."""
        return f"{self.host}, {self.description}" if self.description else self.host

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"security.webhookendpoint:{self.public_id}"

    @property
    def is_failing(self) -> bool:
        """Say whether nothing was taken since the first failure."""
        return self.failing_since is not None

    def put_secret(self, secret: str, *, now: datetime) -> None:
        """Seal the secret that signs from now on."""
        self.sealed_secret = crypto.encrypt(secret.encode(), context=self.context)
        self.secret_made_at = now

    def secrets(self, now: datetime) -> list[str]:
        """Return the secrets that sign at the instant, newest first."""
        sealed = [self.sealed_secret]
        if self.sealed_previous is not None and self.has_overlap(now):
            sealed.append(self.sealed_previous)
        return [crypto.decrypt(bytes(one), context=self.context).decode() for one in sealed]

    def has_overlap(self, now: datetime) -> bool:
        """Say whether the secret before this one signs too."""
        return self.previous_ends_at is not None and self.previous_ends_at > now

    @classmethod
    def hold(cls, pk: int, *, now: datetime, until: datetime) -> "WebhookEndpoint | None":
        """Take the endpoint for one worker, or return None when it is held, resting or not on."""
        free = Q(busy_until=None) | Q(busy_until__lt=now)
        awake = Q(rests_until=None) | Q(rests_until__lte=now)
        rows = cls.unscoped.filter(free, awake, pk=pk, state=cls.State.ENABLED)
        return cls.unscoped.select_related("account").get(pk=pk) if rows.update(busy_until=until) else None

    @classmethod
    def let_go(cls, pk: int, *, until: datetime) -> None:
        """Give the endpoint back, unless another worker has taken it since."""
        cls.unscoped.filter(pk=pk, busy_until=until).update(busy_until=None)


class WebhookDelivery(Work):
    """One event on its way to one endpoint. ``tries`` holds what became of each attempt, oldest first."""

    class State(models.TextChoices):
        """How the delivery stands."""

        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=60)
    body = models.TextField()
    tries = models.JSONField(default=list)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_delivery_once"),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at"], name="webhook_due", condition=Q(done_at=None, failed_at=None)
            ),
            # The history's pages, newest first: of all, of one kind, of those that wait, of those that failed.
            models.Index(fields=["endpoint", "-id"], name="webhook_history"),
            models.Index(fields=["endpoint", "kind", "-id"], name="webhook_kind"),
            models.Index(
                fields=["endpoint", "-id"], name="webhook_waiting", condition=Q(done_at=None, failed_at=None)
            ),
            models.Index(fields=["endpoint", "-id"], name="webhook_failed", condition=~Q(failed_at=None)),
            models.Index(fields=["made_at"], name="webhook_made"),
        ]

    @property
    def message_id(self) -> str:
        """Return the id by which receivers know a repeat: it stays the same at every try and replay."""
        return f"msg_{self.public_id.hex}"

    @property
    def state(self) -> str:
        """Return how the delivery stands."""
        if self.done_at is not None:
            return self.State.DELIVERED
        return self.State.WAITING if self.failed_at is None else self.State.FAILED

    @classmethod
    def next_due(cls, endpoint: WebhookEndpoint, *, now: datetime) -> "WebhookDelivery | None":
        """Return the delivery that has waited longest and that nobody holds; a new test event goes first.

        Somebody looks at the test's page, while a failed event before it would let the endpoint rest.
        """
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        rows = cls.objects.filter(free, cls.waiting(), endpoint=endpoint, due_at__lte=now)
        tests = rows.filter(event_id=None, attempts=0)
        return tests.order_by("id").first() or rows.order_by("due_at", "id").first()
