"""Hold a place."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("subaccounts", "0002_subaccount_limits")]

    operations = []
