"""Hold the files of acts that wait for a confirmation."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add held files."""

    dependencies = [("security", "0009_webhooks")]

    operations = [
        migrations.CreateModel(
            name="HeldFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.PositiveSmallIntegerField()),
                ("sealed", models.BinaryField()),
                (
                    "act",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="security.heldact",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("act", "number"), name="held_file_once")]
            },
        ),
    ]
