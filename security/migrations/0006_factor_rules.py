"""Make room for the account's rules of factors, and for recovery."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("security", "0005_passkeys")]

    operations = []
