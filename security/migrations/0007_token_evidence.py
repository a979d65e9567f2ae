"""Move the callers of the API to the accounts app, which knows their tokens; open the staff's queue to groups."""

from django.db import migrations

_CARRY = """
INSERT INTO accounts_apicaller
  (account_id, ip, agent, day, verdict, calls, first_seen_at, last_seen_at, endpoint)
SELECT account_id, ip, agent, day, verdict, calls, first_seen_at, last_seen_at, endpoint
FROM security_apicaller
"""
_PERMISSIONS = {
    "view_allowlistaccess": "Can view allowlist request",
    "change_allowlistaccess": "Can change allowlist request",
}
_HOLDERS = ("support", "risk")


def _grant(apps, schema_editor):
    """Let support and risk decide on requests for an IP allowlist."""
    alias = schema_editor.connection.alias
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.using(alias).get_or_create(
        app_label="security", model="allowlistaccess"
    )
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    groups = apps.get_model("auth", "Group").objects.using(alias).filter(name__in=_HOLDERS)
    for codename, name in _PERMISSIONS.items():
        permission, _ = permissions.get_or_create(
            codename=codename, content_type=content_type, defaults={"name": name}
        )
        for group in groups:
            group.permissions.add(permission)


class Migration(migrations.Migration):
    """Carry the rows of the last days over, without a token, drop their old table, and grant the queue."""

    dependencies = [
        ("security", "0006_factor_rules"),
        ("accounts", "0005_token_rotation"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunSQL(_CARRY, migrations.RunSQL.noop),
        migrations.DeleteModel("ApiCaller"),
        migrations.RunPython(_grant, migrations.RunPython.noop),
    ]
