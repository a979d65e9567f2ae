"""Make factors weak for a while, let an account ask for strong ones, and store requests for recovery."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

_DEVICES = ("authenticatordevice", "passkeydevice", "phonedevice", "recoverycode")
_PERMISSIONS = {
    "view_recoveryrequest": ("Can view recovery request", ("support", "risk")),
    "change_recoveryrequest": ("Can change recovery request", ("support", "risk")),
    "verify_recovery": ("Can verify who asks for recovery", ("support",)),
    "approve_recovery": ("Can approve a verified recovery", ("risk",)),
}


def _grant(apps, schema_editor):
    """Let support verify and risk approve; superusers may do either, and nobody both for one request."""
    alias = schema_editor.connection.alias
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.using(alias).get_or_create(
        app_label="security", model="recoveryrequest"
    )
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    groups = apps.get_model("auth", "Group").objects.using(alias)
    for codename, (name, holders) in _PERMISSIONS.items():
        permission, _ = permissions.get_or_create(
            codename=codename, content_type=content_type, defaults={"name": name}
        )
        for group in groups.filter(name__in=holders):
            group.permissions.add(permission)


class Migration(migrations.Migration):
    """Add the columns, the two tables, and who among staff may do what."""

    dependencies = [
        ("security", "0005_passkeys"),
        ("accounts", "0002_staff_groups"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *(
            migrations.AddField(
                model_name=model, name="weak_until", field=models.DateTimeField(null=True)
            )
            for model in _DEVICES
        ),
        migrations.CreateModel(
            name="FactorPolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("set_at", models.DateTimeField()),
                ("grace_days", models.PositiveSmallIntegerField()),
                ("enforced_from", models.DateTimeField()),
                ("remind_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="factor_policy",
                        to="accounts.account",
                    ),
                ),
                (
                    "set_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=Q(("remind_at", None), _negated=True),
                        fields=["remind_at"],
                        name="factor_policy_due",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("email", models.EmailField(max_length=254)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Mail not confirmed"),
                            ("confirmed", "Waits for verification"),
                            ("verified", "Waits for approval"),
                            ("approved", "Approved"),
                            ("ready", "Link sent"),
                            ("used", "Done"),
                            ("cancelled", "Cancelled"),
                            ("rejected", "Rejected"),
                            ("expired", "Expired"),
                        ],
                        default="asked",
                        max_length=10,
                    ),
                ),
                ("story", models.CharField(max_length=1000)),
                ("asked_at", models.DateTimeField()),
                ("asked_from", models.GenericIPAddressField(null=True)),
                ("expires_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("verified_at", models.DateTimeField(null=True)),
                (
                    "evidence",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("call", "Call to a number known from before the request"),
                            ("video", "Video call with an identity document"),
                            ("owner", "Confirmation by the owner or another admin of the account"),
                            ("invoice", "Details of payments and invoices that only the customer has"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=1000)),
                ("waits_until", models.DateTimeField(null=True)),
                ("notice_at", models.DateTimeField(null=True)),
                ("approved_at", models.DateTimeField(null=True)),
                ("link_number", models.PositiveSmallIntegerField(default=0)),
                ("used_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_by", models.CharField(blank=True, default="", max_length=10)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "verified_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "recovery request",
                "permissions": [
                    ("verify_recovery", "Can verify who asks for recovery"),
                    ("approve_recovery", "Can approve a verified recovery"),
                ],
                "indexes": [
                    models.Index(
                        condition=Q(("closed_at", None)), fields=["asked_at"], name="recovery_open"
                    ),
                    models.Index(
                        condition=Q(("used_at", None), _negated=True),
                        fields=["user", "used_at"],
                        name="recovery_used",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(("closed_at", None)), fields=("user",), name="recovery_one_open"
                    ),
                    models.CheckConstraint(
                        condition=Q(approved_by=None)
                        | (Q(verified_by__isnull=False) & ~Q(verified_by=F("approved_by"))),
                        name="recovery_two_people",
                    ),
                    models.CheckConstraint(
                        condition=(Q(verified_by=None) | ~Q(verified_by=F("user")))
                        & (Q(approved_by=None) | ~Q(approved_by=F("user"))),
                        name="recovery_not_oneself",
                    ),
                    models.CheckConstraint(
                        condition=(Q(link_number=0) & Q(used_at=None)) | Q(approved_by__isnull=False),
                        name="recovery_approved_first",
                    ),
                    models.CheckConstraint(
                        condition=Q(used_at=None)
                        | (Q(waits_until__isnull=False) & Q(used_at__gte=F("waits_until"))),
                        name="recovery_waited",
                    ),
                ],
            },
        ),
        migrations.RunPython(_grant, migrations.RunPython.noop),
    ]
