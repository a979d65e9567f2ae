"""Add the inventory of numbers, the numbers that are rented, and sender IDs."""

import uuid

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the tables."""

    dependencies = [
        ("accounts", "0009_subaccount_credentials"),
        ("subaccounts", "0003_applications"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="InventoryNumber",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(max_length=15, unique=True)),
                ("country_iso", models.CharField(max_length=2)),
                (
                    "number_type",
                    models.CharField(
                        choices=[
                            ("local", "Local"),
                            ("mobile", "Mobile"),
                            ("fixed", "Fixed"),
                            ("national", "National"),
                            ("tollfree", "Toll-free"),
                        ],
                        max_length=10,
                    ),
                ),
                ("city", models.CharField(blank=True, default="", max_length=80)),
                ("region", models.CharField(blank=True, default="", max_length=80)),
                ("carrier", models.CharField(blank=True, default="", max_length=40)),
                ("has_voice", models.BooleanField(default=True)),
                ("has_sms", models.BooleanField(default=False)),
                ("has_mms", models.BooleanField(default=False)),
                ("monthly_amount", models.DecimalField(decimal_places=5, max_digits=10)),
                ("setup_amount", models.DecimalField(decimal_places=5, default=0, max_digits=10)),
                ("voice_rate", models.DecimalField(decimal_places=5, default=0, max_digits=10)),
                ("sms_rate", models.DecimalField(decimal_places=5, default=0, max_digits=10)),
                ("mms_rate", models.DecimalField(decimal_places=5, default=0, max_digits=10)),
                ("is_sample", models.BooleanField(default=False)),
                ("free_at", models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ("loaded_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name": "number in the inventory",
                "verbose_name_plural": "inventory of numbers",
                "indexes": [
                    models.Index(
                        condition=models.Q(("free_at", None), _negated=True),
                        fields=["country_iso", "number_type", "number"],
                        name="inventory_free",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("number__regex", "^[1-9][0-9]{6,14}$")),
                        name="inventory_number_e164",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("country_iso__regex", "^[A-Z]{2}$")), name="inventory_country"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("monthly_amount__gte", 0), ("setup_amount__gte", 0)),
                        name="inventory_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("has_voice", True), ("has_sms", True), ("has_mms", True), _connector="OR"
                        ),
                        name="inventory_serves",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InventoryUpload",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("text", models.TextField()),
                (
                    "is_sample",
                    models.BooleanField(default=False, verbose_name="sample numbers, for trying things out"),
                ),
                ("reason", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "To be looked at"),
                            ("loaded", "Loaded"),
                            ("discarded", "Thrown away"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("good", models.PositiveIntegerField(default=0, verbose_name="lines to load")),
                ("refused", models.PositiveIntegerField(default=0, verbose_name="lines refused")),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
            options={
                "verbose_name": "upload of numbers",
                "verbose_name_plural": "uploads of numbers",
            },
        ),
        migrations.CreateModel(
            name="Number",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.CharField(max_length=15, unique=True)),
                ("alias", models.CharField(default="", max_length=100)),
                ("cnam_lookup", models.BooleanField(default=False)),
                ("monthly_amount", models.DecimalField(decimal_places=5, max_digits=10)),
                ("rented_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("renewal_date", models.DateField()),
                ("overdue_since", models.DateField(null=True)),
                (
                    "notice",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Nothing to tell"), (1, "Told"), (2, "Warned of the end")], default=0
                    ),
                ),
                ("due_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="numbers",
                        to="subaccounts.application",
                    ),
                ),
                (
                    "inventory",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rental",
                        to="subaccounts.inventorynumber",
                    ),
                ),
                (
                    "subaccount",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="numbers",
                        to="subaccounts.subaccount",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "-id"], name="number_of_account"),
                    models.Index(fields=["subaccount", "-id"], name="number_of_subaccount"),
                    models.Index(fields=["due_at"], name="number_due"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("monthly_amount__gte", 0)), name="number_amount"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("notice", 0), ("overdue_since", None)),
                            models.Q(("notice__gt", 0), ("overdue_since__isnull", False)),
                            _connector="OR",
                        ),
                        name="number_overdue_is_told",
                    ),
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="SenderId",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("sender", models.CharField(max_length=11, verbose_name="sender ID")),
                ("country_iso", models.CharField(max_length=2, verbose_name="country")),
                ("purpose", models.CharField(max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Waits for a decision"),
                            ("approved", "Whitelisted"),
                            ("declined", "Declined"),
                        ],
                        default="requested",
                        max_length=10,
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_at", models.DateTimeField(null=True)),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "subaccount",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="sender_ids",
                        to="subaccounts.subaccount",
                    ),
                ),
            ],
            options={
                "verbose_name": "sender ID",
                "verbose_name_plural": "sender IDs",
                "indexes": [
                    models.Index(fields=["account", "-id"], name="sender_id_of_account"),
                    models.Index(
                        condition=models.Q(("state", "requested")),
                        fields=["requested_at"],
                        name="sender_id_queue",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "declined"), _negated=True),
                        fields=("account", "subaccount", "sender", "country_iso"),
                        name="sender_id_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("sender__regex", "^(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9 ]{1,9})[A-Za-z0-9]$")
                        ),
                        name="sender_id_letters",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("country_iso__regex", "^[A-Z]{2}$")), name="sender_id_country"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at", None), ("state", "requested")),
                            models.Q(
                                models.Q(("state", "requested"), _negated=True), ("decided_at__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="sender_id_decided",
                    ),
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
