"""Add the mode of the IP allowlist to the account."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the mode of the IP allowlist to the account."""

    dependencies = [("accounts", "0003_phone_code_purpose")]
    operations = [
        migrations.AddField(
            model_name="account",
            name="allowlist_mode",
            field=models.CharField(
                choices=[("off", "Off"), ("report", "Report only"), ("enforcing", "Enforcing")],
                default="off",
                # Web processes of the release before, which know no mode, go on opening accounts.
                db_default="off",
                max_length=10,
            ),
        ),
    ]
