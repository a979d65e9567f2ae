"""Make room for the rotation of tokens."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("accounts", "0004_allowlist_mode")]

    operations = []
