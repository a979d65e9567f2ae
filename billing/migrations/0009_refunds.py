"""Hold a place."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("billing", "0008_invoices")]

    operations = []
