"""Make room for webhooks."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("security", "0008_compromise")]

    operations = []
