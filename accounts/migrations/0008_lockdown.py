"""Make room for the lock-down."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("accounts", "0007_session_policy")]

    operations = []
