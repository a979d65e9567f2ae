"""Make the groups of staff that the product knows: support, finance, risk."""

from django.db import migrations

_GROUPS = ("support", "finance", "risk")


def _make(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for name in _GROUPS:
        groups.get_or_create(name=name)


class Migration(migrations.Migration):
    """Add the groups."""

    dependencies = [("accounts", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(_make, migrations.RunPython.noop)]
