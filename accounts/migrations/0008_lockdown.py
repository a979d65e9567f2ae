"""Keep when an account was locked down, when its tokens were held, and who must prove themselves once more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add two instants to the account and one to the person."""

    dependencies = [("accounts", "0007_session_policy")]

    operations = [
        migrations.AddField("account", "locked_down_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("account", "tokens_held_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("user", "reverify_since", models.DateTimeField(blank=True, null=True)),
    ]
