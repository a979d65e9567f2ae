"""Add the indexes that the filters of the audit log use."""

from django.db import migrations, models

_INDEXES = {
    "audit_event_who": ["chain", "user_id", "seq"],
    "audit_event_what": ["chain", "kind", "seq"],
    "audit_event_when": ["chain", "at"],
    "audit_event_where": ["chain", "ip"],
}


class Migration(migrations.Migration):
    """Add the indexes."""

    dependencies = [("core", "0002_append_only_audit")]
    operations = [
        migrations.AddIndex("auditevent", models.Index(fields=fields, name=name))
        for name, fields in _INDEXES.items()
    ]
