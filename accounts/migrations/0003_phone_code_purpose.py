"""Let a phone code prove the number that a person changes to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Let a phone code prove the number that a person changes to."""

    dependencies = [("accounts", "0002_staff_groups")]
    operations = [
        migrations.AlterField(
            model_name="phonecode",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("verify", "Verify the number"),
                    ("sign-in", "Sign in"),
                    ("enrol", "Add an authenticator app"),
                    ("step-up", "Confirm it's you"),
                    ("change", "Change the number"),
                ],
                max_length=10,
            ),
        ),
    ]
