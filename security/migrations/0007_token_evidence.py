"""Move the callers of the API to the accounts app, which knows the tokens that they used."""

from django.db import migrations

_CARRY = """
INSERT INTO accounts_apicaller
  (account_id, ip, agent, day, verdict, calls, first_seen_at, last_seen_at, endpoint)
SELECT account_id, ip, agent, day, verdict, calls, first_seen_at, last_seen_at, endpoint
FROM security_apicaller
"""


class Migration(migrations.Migration):
    """Carry the rows of the last days over, without a token, and drop their old table."""

    dependencies = [("security", "0006_factor_rules"), ("accounts", "0005_token_rotation")]

    operations = [
        migrations.RunSQL(_CARRY, migrations.RunSQL.noop),
        migrations.DeleteModel("ApiCaller"),
    ]
