"""Let an account end its members' sessions earlier than the console does."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add how long the sessions of an account's members may idle and last; null leaves it to the console."""

    dependencies = [("accounts", "0006_named_tokens")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="session_hours",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="session_idle_minutes",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("session_idle_minutes", None), ("session_idle_minutes__range", (5, 30)), _connector="OR"
                ),
                name="account_session_idle",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("session_hours", None), ("session_hours__range", (1, 12)), _connector="OR"
                ),
                name="account_session_hours",
            ),
        ),
    ]
