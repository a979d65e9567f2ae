"""Make room for files of held acts."""

from django.db import migrations


class Migration(migrations.Migration):
    """Hold the place of the models to come."""

    dependencies = [("security", "0009_webhooks")]

    operations = []
