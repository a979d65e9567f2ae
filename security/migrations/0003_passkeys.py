"""Add passkeys and pending changes of the phone number."""

from django.db import migrations


class Migration(migrations.Migration):
    """Add passkeys and pending changes of the phone number."""

    dependencies = [("security", "0002_choices_of_the_person")]
    operations = []
