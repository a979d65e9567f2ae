"""Refuse every change to the ledger, in the database."""

from django.db import migrations

_FORWARDS = """
CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE ON billing_ledgerentry
  FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON billing_ledgerentry
  FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""

_BACKWARDS = """
DROP TRIGGER ledger_no_change ON billing_ledgerentry;
DROP TRIGGER ledger_no_truncate ON billing_ledgerentry;
"""


class Migration(migrations.Migration):
    """Add the triggers."""

    dependencies = [("billing", "0001_initial"), ("core", "0002_append_only_audit")]
    operations = [migrations.RunSQL(_FORWARDS, _BACKWARDS)]
