"""Make room for evidence of who uses a token."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("security", "0006_factor_rules")]

    operations = []
