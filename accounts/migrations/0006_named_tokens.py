"""Make room for named tokens."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("accounts", "0005_token_rotation")]

    operations = []
