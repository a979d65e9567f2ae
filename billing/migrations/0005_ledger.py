"""Hold a place."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("billing", "0004_prices")]

    operations = []
