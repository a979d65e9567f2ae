"""Add provisioning by SCIM: tokens, people and groups of an account's directory."""

import uuid

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add provisioning."""

    dependencies = [
        ("security", "0011_single_sign_on"),
        ("teams", "0004_access_review"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ScimGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=255)),
                ("name_key", models.CharField(max_length=255)),
                ("external_id", models.CharField(default="", max_length=255)),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("developer", "Developer"),
                            ("support", "Support"),
                            ("analyst", "Financial Analyst"),
                        ],
                        default="",
                        max_length=20,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                "verbose_name": "SCIM group",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="ScimToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("prefix", models.CharField(max_length=20)),
                ("last_four", models.CharField(max_length=4)),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ends_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("last_used_ip", models.GenericIPAddressField(null=True)),
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
            options={
                "verbose_name": "SCIM token",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="ScimUser",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("user_name", models.CharField(max_length=254)),
                ("user_name_key", models.CharField(max_length=254)),
                ("external_id", models.CharField(default="", max_length=255)),
                ("formatted", models.CharField(default="", max_length=200)),
                ("given_name", models.CharField(default="", max_length=100)),
                ("family_name", models.CharField(default="", max_length=100)),
                ("display_name", models.CharField(default="", max_length=200)),
                ("emails", models.JSONField(default=list)),
                ("email_key", models.CharField(max_length=254)),
                ("email_keys", models.TextField(default="")),
                ("is_active", models.BooleanField(default=True)),
                ("is_copied", models.BooleanField(db_default=False, default=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="accounts.account",
                    ),
                ),
                (
                    "invitation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="teams.invitation",
                    ),
                ),
                (
                    "membership",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scim_user",
                        to="teams.membership",
                    ),
                ),
            ],
            options={
                "verbose_name": "SCIM user",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="ScimGroupMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="security.scimgroup",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="security.scimuser",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="scimgroup",
            constraint=models.UniqueConstraint(fields=("account", "name_key"), name="scim_group_name_once"),
        ),
        migrations.AddConstraint(
            model_name="scimgroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["", "admin", "developer", "support", "analyst"])),
                name="scim_group_not_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="scimtoken",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None), ("ends_at", None)),
                fields=("account",),
                name="scim_token_one_newest",
            ),
        ),
        migrations.AddConstraint(
            model_name="scimtoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at", None), ("ended_at__gte", models.F("made_at")), _connector="OR"
                ),
                name="scim_token_ended_after_made",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(fields=["account", "id"], name="scim_user_page"),
        ),
        migrations.AddConstraint(
            model_name="scimuser",
            constraint=models.UniqueConstraint(
                fields=("account", "email_key"), name="scim_user_email_once"
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(fields=["account", "external_id"], name="scim_user_external"),
        ),
        migrations.AddConstraint(
            model_name="scimuser",
            constraint=models.UniqueConstraint(
                fields=("account", "user_name_key"), name="scim_user_name_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="scimgroupmember",
            constraint=models.UniqueConstraint(fields=("group", "user"), name="scim_group_member_once"),
        ),
    ]
