"""Add single sign-on: connections, certificates, domains, links, and what is kept of messages."""

import uuid

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def _grant(apps, schema_editor):
    """Let support and risk see connections and domains."""
    alias = schema_editor.connection.alias
    types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    groups = apps.get_model("auth", "Group").objects.using(alias)
    for model, label in (("ssoconnection", "SSO connection"), ("ssodomain", "SSO domain")):
        content_type, _ = types.get_or_create(app_label="security", model=model)
        permission, _ = permissions.get_or_create(
            codename=f"view_{model}", content_type=content_type, defaults={"name": f"Can view {label}"}
        )
        for group in groups.filter(name__in=("support", "risk")):
            group.permissions.add(permission)


class Migration(migrations.Migration):
    """Add single sign-on, and who among staff sees it."""

    dependencies = [
        ("security", "0010_held_files"),
        ("accounts", "0008_lockdown"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SsoConnection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "provider",
                    models.CharField(
                        choices=[
                            ("okta", "Okta"),
                            ("entra", "Microsoft Entra ID"),
                            ("google", "Google Workspace"),
                            ("onelogin", "OneLogin"),
                            ("ping", "Ping Identity"),
                            ("jumpcloud", "JumpCloud"),
                            ("other", "Other SAML 2.0 provider"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Not tested"), ("tested", "Tested, off"), ("on", "On")],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("turned_on_at", models.DateTimeField(null=True)),
                ("is_enforced", models.BooleanField(default=False)),
                ("enforced_at", models.DateTimeField(null=True)),
                ("entity_id", models.CharField(default="", max_length=1024)),
                ("sso_url", models.CharField(default="", max_length=1024)),
                ("slo_url", models.CharField(default="", max_length=1024)),
                ("metadata_url", models.CharField(default="", max_length=1024)),
                ("metadata_fetched_at", models.DateTimeField(null=True)),
                ("metadata_error", models.CharField(default="", max_length=300)),
                ("metadata_failing_since", models.DateTimeField(null=True)),
                ("email_attribute", models.CharField(default="", max_length=255)),
                ("first_name_attribute", models.CharField(default="", max_length=255)),
                ("last_name_attribute", models.CharField(default="", max_length=255)),
                ("full_name_attribute", models.CharField(default="", max_length=255)),
                ("groups_attribute", models.CharField(default="", max_length=255)),
                (
                    "default_role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("developer", "Developer"),
                            ("support", "Support"),
                            ("analyst", "Financial Analyst"),
                        ],
                        default="support",
                        max_length=20,
                    ),
                ),
                ("allows_idp_initiated", models.BooleanField(default=False)),
                ("is_two_factor", models.BooleanField(default=False)),
                ("sealed_key", models.BinaryField()),
                ("certificate", models.TextField()),
                ("certificate_ends_at", models.DateTimeField()),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                    "enforced_by",
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
                "verbose_name": "SSO connection",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="SsoCertificate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("place", models.PositiveSmallIntegerField()),
                ("pem", models.TextField()),
                ("fingerprint", models.CharField(max_length=64)),
                ("not_after", models.DateTimeField()),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("warned_days", models.PositiveSmallIntegerField(null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="certificates",
                        to="security.ssoconnection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SsoAssertion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.BinaryField(max_length=32)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assertions",
                        to="security.ssoconnection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SsoDomain",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("domain", models.CharField(max_length=253)),
                ("challenge", models.CharField(max_length=64)),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("verified_at", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("watched_until", models.DateTimeField(null=True)),
                ("last_error", models.CharField(default="", max_length=200)),
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
            options={
                "verbose_name": "SSO domain",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="SsoGroupRole",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("group", models.CharField(max_length=255)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("developer", "Developer"),
                            ("support", "Support"),
                            ("analyst", "Financial Analyst"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="group_roles",
                        to="security.ssoconnection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SsoLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name_id", models.CharField(max_length=255)),
                ("name_id_format", models.CharField(default="", max_length=100)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="security.ssoconnection",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sso_links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SsoRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("request_id", models.CharField(max_length=80, unique=True)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("sign-in", "Sign in"),
                            ("test", "Test the connection"),
                            ("step-up", "Confirm a deed"),
                            ("logout", "Sign out"),
                        ],
                        max_length=10,
                    ),
                ),
                ("browser", models.BinaryField(max_length=32)),
                ("next_path", models.CharField(default="", max_length=1000)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("used_at", models.DateTimeField(null=True)),
                ("answer", models.JSONField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="requests",
                        to="security.ssoconnection",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SsoSession",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("session_index", models.CharField(default="", max_length=255)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "link",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="security.ssolink",
                    ),
                ),
                ("session_id", models.UUIDField(unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="SsoTest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("is_good", models.BooleanField()),
                ("report", models.JSONField(default=dict)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tests",
                        to="security.ssoconnection",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="ssoconnection",
            constraint=models.UniqueConstraint(fields=("account",), name="sso_one_per_account"),
        ),
        migrations.AddConstraint(
            model_name="ssoconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_enforced", False), ("state", "on"), _connector="OR"),
                name="sso_enforced_only_when_on",
            ),
        ),
        migrations.AddConstraint(
            model_name="ssoconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "draft"),
                    models.Q(
                        models.Q(("entity_id", ""), _negated=True), models.Q(("sso_url", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="sso_tested_is_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="ssoconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("default_role", "owner"), _negated=True), name="sso_default_not_owner"
            ),
        ),
        migrations.AddIndex(
            model_name="ssocertificate",
            index=models.Index(fields=["not_after"], name="sso_certificate_end"),
        ),
        migrations.AddConstraint(
            model_name="ssocertificate",
            constraint=models.UniqueConstraint(fields=("connection", "place"), name="sso_certificate_place"),
        ),
        migrations.AddConstraint(
            model_name="ssocertificate",
            constraint=models.UniqueConstraint(
                fields=("connection", "fingerprint"), name="sso_certificate_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="ssocertificate",
            constraint=models.CheckConstraint(
                condition=models.Q(("place__in", [1, 2])), name="sso_certificate_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="ssoassertion",
            constraint=models.UniqueConstraint(fields=("connection", "digest"), name="sso_assertion_once"),
        ),
        migrations.AddIndex(
            model_name="ssodomain",
            index=models.Index(
                condition=models.Q(("verified_at", None)), fields=["watched_until"], name="sso_domain_watched"
            ),
        ),
        migrations.AddConstraint(
            model_name="ssodomain",
            constraint=models.UniqueConstraint(fields=("account", "domain"), name="sso_domain_once"),
        ),
        migrations.AddConstraint(
            model_name="ssodomain",
            constraint=models.UniqueConstraint(
                condition=models.Q(("verified_at", None), _negated=True),
                fields=("domain",),
                name="sso_domain_one_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="ssogrouprole",
            constraint=models.UniqueConstraint(fields=("connection", "group"), name="sso_group_once"),
        ),
        migrations.AddConstraint(
            model_name="ssogrouprole",
            constraint=models.CheckConstraint(
                condition=models.Q(("role", "owner"), _negated=True), name="sso_group_not_owner"
            ),
        ),
        migrations.AddConstraint(
            model_name="ssolink",
            constraint=models.UniqueConstraint(fields=("connection", "name_id"), name="sso_link_name"),
        ),
        migrations.AddConstraint(
            model_name="ssolink",
            constraint=models.UniqueConstraint(fields=("connection", "user"), name="sso_link_user"),
        ),
        migrations.AddIndex(
            model_name="ssotest",
            index=models.Index(fields=["connection", "-at"], name="sso_test_newest"),
        ),
        migrations.RunPython(_grant, migrations.RunPython.noop),
    ]
