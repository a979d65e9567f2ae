"""Let tokens have a name, permissions, networks and a reason for their end; keep the keys of scanners."""

import django.contrib.postgres.fields
import django.utils.timezone
from django.db import migrations, models

import console.core.fields


class Migration(migrations.Migration):
    """Add what named tokens, the policy of their life and leak reports need."""

    dependencies = [("accounts", "0005_token_rotation")]

    operations = [
        migrations.CreateModel(
            name="TokenScanner",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("key_id", models.CharField(max_length=128, unique=True, verbose_name="key identifier")),
                ("public_key", models.TextField(max_length=1000)),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("reason", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "key of a token scanner",
                "verbose_name_plural": "keys of token scanners",
            },
        ),
        migrations.AddField(
            model_name="account",
            name="token_days",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="credential",
            name="asked_ends_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="credential",
            name="cidrs",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=console.core.fields.CidrField(), null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="credential",
            name="end_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("leaked", "Found in public"),
                    ("burned", "Burned by who held it"),
                    ("left", "Its maker left"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="credential",
            name="permissions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40), null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="credential",
            name="warned_days",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(
                condition=models.Q(("kind", "named")),
                fields=["identity", "-made_at"],
                name="credential_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("token_days", None), ("token_days__range", (1, 365)), _connector="OR"),
                name="account_token_days",
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cidrs", None), ("kind", "primary"), ("permissions", None)),
                    models.Q(
                        ("kind", "named"),
                        ("permissions__isnull", False),
                        ("slot", None),
                        models.Q(("name", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="credential_named_and_bounded",
            ),
        ),
        migrations.AlterField(
            model_name="apicaller",
            name="verdict",
            field=models.CharField(
                choices=[
                    ("admitted", "Let in"),
                    ("reported", "Let in, would have been refused"),
                    ("refused", "Refused"),
                    ("unexpected", "Refused by the token's own list"),
                ],
                max_length=10,
            ),
        ),
    ]
