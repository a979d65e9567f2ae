"""Add webhooks: a customer's endpoints, and the deliveries to them."""

import uuid

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add webhooks."""

    dependencies = [
        ("security", "0008_compromise"),
        ("accounts", "0004_allowlist_mode"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("url", models.CharField(max_length=500)),
                ("description", models.CharField(default="", max_length=100)),
                ("areas", models.JSONField(default=list)),
                (
                    "state",
                    models.CharField(
                        choices=[("enabled", "On"), ("paused", "Paused"), ("stopped", "Stopped")],
                        default="enabled",
                        max_length=10,
                    ),
                ),
                ("stop_reason", models.CharField(default="", max_length=20)),
                ("sealed_secret", models.BinaryField()),
                ("sealed_previous", models.BinaryField(null=True)),
                ("previous_ends_at", models.DateTimeField(null=True)),
                ("rotation_id", models.UUIDField(null=True)),
                ("secret_made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("cursor", models.BigIntegerField(default=0)),
                ("busy_until", models.DateTimeField(null=True)),
                ("rests_until", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("warned_at", models.DateTimeField(null=True)),
                ("last_success_at", models.DateTimeField(null=True)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("leased_until", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("last_error", models.CharField(default="", max_length=100)),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("event_id", models.UUIDField(null=True)),
                ("kind", models.CharField(max_length=60)),
                ("body", models.TextField()),
                ("tries", models.JSONField(default=list)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="security.webhookendpoint",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=models.Index(
                condition=models.Q(("failing_since", None), _negated=True),
                fields=["failing_since"],
                name="webhook_failing",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("done_at", None), ("failed_at", None)),
                fields=["endpoint", "due_at"],
                name="webhook_due",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["endpoint", "-id"], name="webhook_history"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["endpoint", "kind", "-id"], name="webhook_kind"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("done_at", None), ("failed_at", None)),
                fields=["endpoint", "-id"],
                name="webhook_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("failed_at", None), _negated=True),
                fields=["endpoint", "-id"],
                name="webhook_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["made_at"], name="webhook_made"),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(fields=("endpoint", "event_id"), name="webhook_delivery_once"),
        ),
    ]
