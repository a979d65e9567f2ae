"""Make room for the policy of sessions."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("accounts", "0006_named_tokens")]

    operations = []
