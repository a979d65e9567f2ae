"""Make room for passkeys."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("security", "0004_allowlist")]

    operations = []
