"""Add the account's policy for sessions."""

from django.db import migrations


class Migration(migrations.Migration):
    """Add the account's policy for sessions."""

    dependencies = [("accounts", "0002_staff_groups")]
    operations = []
