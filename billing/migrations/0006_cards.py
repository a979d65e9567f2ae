"""Keep cards, recharges and what Stripe told us."""

import uuid

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# What was paid stays paid: refunds are rows of their own.
_GUARD = """
CREATE FUNCTION billing_keep_paid_recharge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'succeeded' AND (NEW.state, NEW.amount, NEW.account_id, NEW.intent_id, NEW.public_id)
     IS DISTINCT FROM (OLD.state, OLD.amount, OLD.account_id, OLD.intent_id, OLD.public_id) THEN
    RAISE EXCEPTION 'a paid recharge does not change' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER billing_recharge_paid BEFORE UPDATE ON billing_recharge
FOR EACH ROW EXECUTE FUNCTION billing_keep_paid_recharge();
"""
_UNGUARD = """
DROP TRIGGER billing_recharge_paid ON billing_recharge;
DROP FUNCTION billing_keep_paid_recharge();
"""


class Migration(migrations.Migration):
    """Add the tables."""

    dependencies = [
        ("accounts", "0009_subaccount_credentials"),
        ("billing", "0005_ledger"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Card",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("method_id", models.CharField(max_length=64, unique=True)),
                ("brand", models.CharField(max_length=20)),
                ("last_four", models.CharField(max_length=4)),
                ("expires_month", models.PositiveSmallIntegerField()),
                ("expires_year", models.PositiveSmallIntegerField()),
                ("is_default", models.BooleanField(default=False)),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("removed_at", models.DateTimeField(null=True)),
                ("forgotten_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
                (
                    "added_by",
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
            name="CardSetup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("intent_id", models.CharField(default="", max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("saved", "Saved"), ("failed", "Failed")],
                        default="open",
                        max_length=10,
                    ),
                ),
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
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "card",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="billing.card",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="PaymentCustomer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("customer_id", models.CharField(default="", max_length=64)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
            ],
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Recharge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=12)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Under way"),
                            ("needs-action", "Waits for your bank"),
                            ("succeeded", "Paid"),
                            ("failed", "Declined"),
                            ("canceled", "Canceled"),
                        ],
                        default="requested",
                        max_length=20,
                    ),
                ),
                ("is_automatic", models.BooleanField(default=False)),
                ("intent_id", models.CharField(default="", max_length=64)),
                ("failure", models.CharField(default="", max_length=60)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("settled_at", models.DateTimeField(null=True)),
                ("check_at", models.DateTimeField(null=True)),
                ("looks", models.PositiveIntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "card",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="recharges",
                        to="billing.card",
                    ),
                ),
            ],
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="StripeEvent",
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
                ("event_id", models.CharField(max_length=255, unique=True)),
                ("kind", models.CharField(max_length=100)),
                ("object_id", models.CharField(max_length=255)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("done_at", None), ("failed_at", None)),
                        fields=["due_at"],
                        name="stripe_event_due",
                    ),
                    models.Index(fields=["received_at"], name="stripe_event_received"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="card",
            index=models.Index(
                condition=models.Q(("forgotten_at", None), ("removed_at__isnull", False)),
                fields=["removed_at"],
                name="card_to_forget",
            ),
        ),
        migrations.AddConstraint(
            model_name="card",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True), ("removed_at", None)),
                fields=("account",),
                name="card_one_default",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentcustomer",
            constraint=models.UniqueConstraint(fields=("account",), name="payment_customer_once"),
        ),
        migrations.AddConstraint(
            model_name="paymentcustomer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("customer_id", ""), _negated=True),
                fields=("customer_id",),
                name="payment_customer_id",
            ),
        ),
        migrations.AddIndex(
            model_name="recharge",
            index=models.Index(fields=["account", "-made_at"], name="recharge_of_account"),
        ),
        migrations.AddIndex(
            model_name="recharge",
            index=models.Index(
                condition=models.Q(("check_at", None), _negated=True),
                fields=["check_at"],
                name="recharge_to_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="recharge",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="recharge_amount"),
        ),
        migrations.AddConstraint(
            model_name="recharge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("intent_id", ""), _negated=True),
                fields=("intent_id",),
                name="recharge_intent",
            ),
        ),
        migrations.AddConstraint(
            model_name="recharge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("settled_at", None), ("state__in", ["requested", "needs-action"])),
                    models.Q(
                        ("settled_at__isnull", False), ("state__in", ["succeeded", "failed", "canceled"])
                    ),
                    _connector="OR",
                ),
                name="recharge_settled",
            ),
        ),
        migrations.RunSQL(_GUARD, _UNGUARD),
    ]
