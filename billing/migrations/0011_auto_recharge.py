"""Let accounts recharge by themselves, one recharge at a time."""

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the rule, and the constraint."""

    dependencies = [
        ("accounts", "0009_subaccount_credentials"),
        ("billing", "0010_intake"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AutoRecharge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("is_on", models.BooleanField(default=True)),
                ("threshold", models.DecimalField(decimal_places=2, max_digits=12)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=12)),
                ("day_cap", models.DecimalField(decimal_places=2, max_digits=12)),
                ("week_cap", models.DecimalField(decimal_places=2, max_digits=12)),
                ("month_cap", models.DecimalField(decimal_places=2, max_digits=12)),
                ("paused_at", models.DateTimeField(null=True)),
                (
                    "pause_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("brake", "3 recharges within 10 minutes"),
                            ("lock-down", "The account was locked down"),
                            ("no-card", "There is no card"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("rests_until", models.DateTimeField(null=True)),
                (
                    "rest_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("declined", "The card was declined"),
                            ("day", "The cap of the day is reached"),
                            ("week", "The cap of the week is reached"),
                            ("month", "The cap of the month is reached"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("brake_from", models.DateTimeField(null=True)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddConstraint(
            model_name="recharge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_automatic", True), ("state__in", ["requested", "needs-action"])),
                fields=("account",),
                name="recharge_one_automatic",
            ),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="%(class)ss", to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="changed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="autorecharge",
            index=models.Index(
                condition=models.Q(("is_on", True), ("paused_at", None)),
                fields=["account"],
                name="auto_recharge_awake",
            ),
        ),
        migrations.AddConstraint(
            model_name="autorecharge",
            constraint=models.UniqueConstraint(fields=("account",), name="auto_recharge_once"),
        ),
        migrations.AddConstraint(
            model_name="autorecharge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("threshold__gte", 0),
                    ("amount__gt", 0),
                    ("day_cap__gte", models.F("amount")),
                    ("week_cap__gte", models.F("day_cap")),
                    ("month_cap__gte", models.F("week_cap")),
                ),
                name="auto_recharge_amounts",
            ),
        ),
    ]
