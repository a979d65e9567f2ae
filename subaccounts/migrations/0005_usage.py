"""Add the log of usage, a partition a month, the functions that keep its months, and its sums by day."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

KINDS = [("call", "Call"), ("message", "Message")]
DIRECTIONS = [("outbound", "Outbound"), ("inbound", "Inbound")]
STATUSES = [
    ("completed", "Completed"),
    ("busy", "Busy"),
    ("no-answer", "No answer"),
    ("canceled", "Canceled"),
    ("delivered", "Delivered"),
    ("sent", "Sent"),
    ("received", "Received"),
    ("undelivered", "Undelivered"),
    ("failed", "Failed"),
]

# Wide columns first, so that no row is padded. The key is the order of the log: one index refuses what comes twice
# and serves the pages. BRIN finds the old edge of a month for almost nothing.
_TABLE = """
CREATE TABLE subaccounts_usageevent (
  account_id bigint NOT NULL,
  at timestamptz NOT NULL,
  event_id uuid NOT NULL,
  subaccount_id bigint,
  units integer NOT NULL,
  rate numeric(12,5) NOT NULL,
  cost numeric(14,5) NOT NULL,
  kind varchar(8) NOT NULL,
  direction varchar(8) NOT NULL,
  country varchar(2) NOT NULL,
  status varchar(16) NOT NULL,
  from_number varchar(128) NOT NULL,
  to_number varchar(128) NOT NULL,
  ip inet,
  PRIMARY KEY (account_id, at, event_id),
  CONSTRAINT usage_event_kind CHECK (kind IN ('call', 'message') AND direction IN ('outbound', 'inbound')),
  CONSTRAINT usage_event_not_negative CHECK (units >= 0 AND cost >= 0)
) PARTITION BY RANGE (at);
CREATE INDEX usage_event_subaccount ON subaccounts_usageevent (subaccount_id, at, event_id)
  WHERE subaccount_id IS NOT NULL;
CREATE INDEX usage_event_to ON subaccounts_usageevent (account_id, to_number, at);
CREATE INDEX usage_event_from ON subaccounts_usageevent (account_id, from_number, at);
CREATE INDEX usage_event_age ON subaccounts_usageevent USING brin (at);
CREATE SCHEMA usage_months;
"""

# The application's role owns no table. These two functions are the owner's, and take nothing but a month.
# A month is made beside the log and attached: that waits for nobody who reads or writes.
_MONTHS = """
CREATE FUNCTION subaccounts_open_usage_month(month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
  first_at timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
  next_at timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
  name text := to_char(month, '"m"YYYY_MM');
BEGIN
  IF first_at > now() + interval '1 year' OR first_at < now() - interval '10 years' THEN
    RAISE EXCEPTION 'the month % is too far away', name;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('usage_months'));
  IF to_regclass(format('usage_months.%I', name)) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE usage_months.%I (LIKE subaccounts_usageevent INCLUDING ALL)', name);
  EXECUTE format('ALTER TABLE subaccounts_usageevent ATTACH PARTITION usage_months.%I FOR VALUES FROM (%L) TO (%L)',
    name, first_at, next_at);
  RETURN true;
END $$;

CREATE FUNCTION subaccounts_drop_usage_month(month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
  name text := to_char(month, '"m"YYYY_MM');
BEGIN
  IF date_trunc('month', month::timestamp) + interval '1 month' > now() AT TIME ZONE 'UTC' THEN
    RAISE EXCEPTION 'the month % is not over', name;
  END IF;
  IF to_regclass(format('usage_months.%I', name)) IS NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE usage_months.%I', name);
  RETURN true;
END $$;

CREATE VIEW subaccounts_usagemonth AS
  SELECT to_date(month.relname, '"m"YYYY_MM') AS month
  FROM pg_inherits JOIN pg_class month ON month.oid = inhrelid
  WHERE inhparent = 'public.subaccounts_usageevent'::regclass;

SELECT subaccounts_open_usage_month(month::date) FROM generate_series(
  now() AT TIME ZONE 'UTC' - interval '4 months', now() AT TIME ZONE 'UTC' + interval '3 months', interval '1 month') AS month;
"""

_BACKWARDS = """
DROP VIEW subaccounts_usagemonth;
DROP FUNCTION subaccounts_open_usage_month(date);
DROP FUNCTION subaccounts_drop_usage_month(date);
DROP TABLE subaccounts_usageevent;
DROP SCHEMA usage_months;
"""

# Sums of a day are changed in place all day long: room in the page keeps these updates off the indexes.
_ROOM = "ALTER TABLE subaccounts_usageday SET (fillfactor = 70)"


class Migration(migrations.Migration):
    """Add the tables."""

    dependencies = [("subaccounts", "0004_numbers")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_TABLE, _BACKWARDS), migrations.RunSQL(_MONTHS, migrations.RunSQL.noop)],
            state_operations=[
                migrations.CreateModel(
                    name="UsageEvent",
                    fields=[
                        ("pk", models.CompositePrimaryKey("account_id", "at", "event_id", blank=True, editable=False, primary_key=True, serialize=False)),
                        ("at", models.DateTimeField()),
                        ("event_id", models.UUIDField()),
                        ("units", models.IntegerField()),
                        ("rate", models.DecimalField(decimal_places=5, max_digits=12)),
                        ("cost", models.DecimalField(decimal_places=5, max_digits=14)),
                        ("kind", models.CharField(choices=KINDS, max_length=8)),
                        ("direction", models.CharField(choices=DIRECTIONS, max_length=8)),
                        ("country", models.CharField(blank=True, max_length=2)),
                        ("status", models.CharField(choices=STATUSES, max_length=16)),
                        ("from_number", models.CharField(max_length=128)),
                        ("to_number", models.CharField(max_length=128)),
                        ("ip", models.GenericIPAddressField(null=True)),
                        ("account", models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="accounts.account")),
                        ("subaccount", models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="subaccounts.subaccount")),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(condition=models.Q(("direction__in", ("outbound", "inbound")), ("kind__in", ("call", "message"))), name="usage_event_kind"),
                            models.CheckConstraint(condition=models.Q(("cost__gte", 0), ("units__gte", 0)), name="usage_event_not_negative"),
                        ],
                    },
                    managers=[("unscoped", django.db.models.manager.Manager())],
                ),
            ],
        ),
        migrations.CreateModel(
            name="UsageDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("kind", models.CharField(choices=KINDS, max_length=8)),
                ("direction", models.CharField(choices=DIRECTIONS, max_length=8)),
                ("country", models.CharField(blank=True, max_length=2)),
                ("events", models.BigIntegerField()),
                ("units", models.BigIntegerField()),
                ("cost", models.DecimalField(decimal_places=5, max_digits=18)),
                ("account", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.account")),
                ("subaccount", models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="subaccounts.subaccount")),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("subaccount", None), _negated=True), fields=["subaccount", "day"], name="usage_day_subaccount")],
                "constraints": [models.UniqueConstraint(fields=("account", "day", "subaccount", "kind", "direction", "country"), name="usage_day_once", nulls_distinct=False)],
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
        migrations.RunSQL(_ROOM, migrations.RunSQL.noop),
    ]
