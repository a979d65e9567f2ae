"""Hold a place."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("accounts", "0008_lockdown")]

    operations = []
