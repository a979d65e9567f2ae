"""Stand before the tables of subaccounts; Auth Tokens hang on identities already, so nothing changes here."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing to change: the first migration of subaccounts depends on this place."""

    dependencies = [("accounts", "0008_lockdown")]

    operations = []
