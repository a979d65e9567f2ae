"""Make room for the lock-down and the check-up."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("security", "0007_token_evidence")]

    operations = []
