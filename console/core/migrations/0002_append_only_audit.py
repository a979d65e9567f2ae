"""Chain the audit events and refuse every change to them, in the database."""

from django.db import migrations

_FORWARDS = r"""
CREATE FUNCTION core_audit_digest(e core_auditevent) RETURNS bytea
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT sha256(e.previous || convert_to(jsonb_build_array(
    e.public_id, e.chain, e.seq, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), e.kind,
    e.account_id, e.user_id, e.actor_kind, e.actor_label, e.target_type, e.target_id, e.target_label,
    e.data, host(e.ip), e.user_agent, e.request_id)::text, 'UTF8'))
$$;

CREATE FUNCTION core_audit_append() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  chain_head core_auditchain%ROWTYPE;
BEGIN
  INSERT INTO core_auditchain (name, length, head) VALUES (NEW.chain, 0, '\x') ON CONFLICT (name) DO NOTHING;
  SELECT * INTO chain_head FROM core_auditchain WHERE name = NEW.chain FOR UPDATE;
  NEW.seq := chain_head.length + 1;
  NEW.previous := chain_head.head;
  NEW.digest := core_audit_digest(NEW);
  UPDATE core_auditchain SET length = NEW.seq, head = NEW.digest WHERE name = NEW.chain;
  RETURN NEW;
END $$;

CREATE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_append BEFORE INSERT ON core_auditevent FOR EACH ROW EXECUTE FUNCTION core_audit_append();
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON core_auditevent
  FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON core_auditevent
  FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""

_BACKWARDS = """
DROP TRIGGER audit_append ON core_auditevent;
DROP TRIGGER audit_no_change ON core_auditevent;
DROP TRIGGER audit_no_truncate ON core_auditevent;
DROP FUNCTION core_audit_append();
DROP FUNCTION core_audit_digest(core_auditevent);
DROP FUNCTION core_refuse_change();
"""


class Migration(migrations.Migration):
    """Add the triggers."""

    dependencies = [("core", "0001_initial")]
    operations = [migrations.RunSQL(_FORWARDS, _BACKWARDS)]
