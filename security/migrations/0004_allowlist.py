"""Add the IP allowlist."""

from django.db import migrations


class Migration(migrations.Migration):
    """Add the IP allowlist."""

    dependencies = [("security", "0003_passkeys")]
    operations = []
