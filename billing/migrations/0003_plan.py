"""Add committed plans."""

import uuid

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add committed plans."""

    dependencies = [
        ("accounts", "0004_allowlist_mode"),
        ("billing", "0002_append_only_ledger"),
    ]

    operations = [
        migrations.CreateModel(
            name="Plan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "monthly_amount",
                    models.DecimalField(
                        decimal_places=2, max_digits=12, verbose_name="commitment a month, in US dollars"
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("grace", "Ended, the team may read"),
                            ("closing", "Ended, the team is about to be suspended"),
                            ("over", "Over"),
                        ],
                        default="running",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "-ends_at"], name="plan_of_account"),
                    models.Index(
                        condition=models.Q(("stage", "over"), _negated=True),
                        fields=["ends_at"],
                        name="plan_to_tell",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("monthly_amount__gt", 0)), name="plan_amount"),
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="plan_lasts"
                    ),
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
