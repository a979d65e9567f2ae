"""Hold a place for provisioning."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("security", "0011_single_sign_on")]

    operations = []
