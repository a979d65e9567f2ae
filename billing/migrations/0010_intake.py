"""Keep the ids of the events that were charged."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the table."""

    dependencies = [("billing", "0009_refunds"), ("subaccounts", "0005_usage")]

    operations = [
        migrations.CreateModel(
            name="TakenEvent",
            fields=[
                ("event_id", models.UUIDField(primary_key=True, serialize=False)),
                ("digest", models.BinaryField(max_length=16)),
                ("taken_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["taken_at"], name="taken_event_by_time"
                    )
                ]
            },
        ),
    ]
