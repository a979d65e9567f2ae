"""Say of an invitation that it ended because whoever sent it may not invite any more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the mark."""

    dependencies = [("teams", "0004_access_review")]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="is_orphaned",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
