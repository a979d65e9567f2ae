"""Hold a place for single sign-on."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("security", "0010_held_files")]

    operations = []
