"""Add who calls with which token, the one extension of a retiring token, and what was warned about."""

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def _id():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    """Add the rows that a rotation of tokens needs."""

    dependencies = [("accounts", "0004_allowlist_mode")]

    operations = [
        migrations.AddField("credential", "warned_day_before", models.DateTimeField(null=True)),
        migrations.AddField("credential", "warned_hour_before", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="TokenExtension",
            fields=[
                ("id", _id()),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_before", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "credential",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="extension",
                        to="accounts.credential",
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
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("ended_before"))),
                        name="extension_is_later",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiCaller",
            fields=[
                ("id", _id()),
                ("ip", models.GenericIPAddressField(null=True)),
                ("agent", models.CharField(default="", max_length=300)),
                ("day", models.DateField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("admitted", "Let in"),
                            ("reported", "Let in, would have been refused"),
                            ("refused", "Refused"),
                        ],
                        max_length=10,
                    ),
                ),
                ("calls", models.BigIntegerField()),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("endpoint", models.CharField(default="", max_length=120)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
                (
                    "credential",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="callers",
                        to="accounts.credential",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["day"], name="api_caller_by_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "credential", "day", "ip", "verdict", "agent"),
                        name="api_caller_once_a_day",
                        nulls_distinct=False,
                    )
                ],
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
    ]
