"""Say of each entry what made it, keep sums by day, and let the database compare balances with the ledger."""

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.db import migrations, models

_FORWARDS = """
CREATE FUNCTION billing_follow_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  left_before numeric;
BEGIN
  SELECT balance_after INTO left_before FROM billing_ledgerentry
  WHERE account_id = NEW.account_id AND id < NEW.id ORDER BY id DESC LIMIT 1;
  IF NEW.balance_after <> coalesce(left_before, 0) + NEW.amount THEN
    RAISE EXCEPTION 'ledger entry % of account % does not follow the one before', NEW.id, NEW.account_id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION billing_compare_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  kept numeric;
  added numeric;
BEGIN
  SELECT amount INTO kept FROM billing_balance WHERE account_id = NEW.account_id;
  SELECT balance_after INTO added FROM billing_ledgerentry
  WHERE account_id = NEW.account_id ORDER BY id DESC LIMIT 1;
  IF coalesce(kept, 0) <> coalesce(added, 0) THEN
    RAISE EXCEPTION 'the balance of account % is not the sum of its ledger', NEW.account_id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION billing_sum_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO billing_ledgerday AS kept (account_id, day, kind, service, subaccount_id, amount, entries)
  SELECT added.account_id, (added.at AT TIME ZONE account.time_zone)::date, added.kind, added.service,
    added.subaccount_id, sum(added.amount), count(*)
  FROM added JOIN accounts_account AS account ON account.id = added.account_id
  GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (account_id, day, kind, service, subaccount_id)
  DO UPDATE SET amount = kept.amount + excluded.amount, entries = kept.entries + excluded.entries;
  RETURN NULL;
END $$;

INSERT INTO billing_ledgerday (account_id, day, kind, service, subaccount_id, amount, entries)
SELECT entry.account_id, (entry.at AT TIME ZONE account.time_zone)::date, entry.kind, '', NULL,
  sum(entry.amount), count(*)
FROM billing_ledgerentry AS entry JOIN accounts_account AS account ON account.id = entry.account_id
GROUP BY 1, 2, 3;

CREATE TRIGGER ledger_follows AFTER INSERT ON billing_ledgerentry
  FOR EACH ROW EXECUTE FUNCTION billing_follow_entry();
CREATE TRIGGER ledger_days AFTER INSERT ON billing_ledgerentry
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing_sum_days();
CREATE CONSTRAINT TRIGGER ledger_balanced AFTER INSERT ON billing_ledgerentry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_compare_balance();
CREATE CONSTRAINT TRIGGER balance_balanced AFTER INSERT OR UPDATE OF amount ON billing_balance
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_compare_balance();
"""

_BACKWARDS = """
DROP TRIGGER balance_balanced ON billing_balance;
DROP TRIGGER ledger_balanced ON billing_ledgerentry;
DROP TRIGGER ledger_days ON billing_ledgerentry;
DROP TRIGGER ledger_follows ON billing_ledgerentry;
DROP FUNCTION billing_sum_days();
DROP FUNCTION billing_compare_balance();
DROP FUNCTION billing_follow_entry();
"""
_KINDS = [
    ("trial-credit", "Trial credit"),
    ("recharge", "Recharge"),
    ("usage", "Usage"),
    ("rental", "Number rental"),
    ("refund", "Refund"),
    ("adjustment", "Adjustment"),
]
_SERVICES = [("call", "Calls"), ("message", "Messages")]


def _subaccount(related_name):
    return models.ForeignKey(
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to="subaccounts.subaccount",
    )


class Migration(migrations.Migration):
    """Add the fields, the tables and the triggers."""

    dependencies = [("billing", "0004_prices"), ("subaccounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="LedgerCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("accounts", models.BigIntegerField()),
                ("entries", models.BigIntegerField()),
                ("problems", models.JSONField(default=list)),
                ("took_seconds", models.FloatField()),
            ],
            options={"indexes": [models.Index(fields=["-at"], name="ledger_check_newest")]},
        ),
        migrations.CreateModel(
            name="LedgerDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                ("day", models.DateField()),
                ("kind", models.CharField(choices=_KINDS, max_length=20)),
                ("service", models.CharField(blank=True, choices=_SERVICES, default="", max_length=8)),
                ("amount", models.DecimalField(decimal_places=5, max_digits=18)),
                ("entries", models.BigIntegerField()),
                ("subaccount", _subaccount("+")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["account", "day", "kind", "service", "subaccount"],
                        name="ledger_day_once",
                        nulls_distinct=False,
                    )
                ]
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="cause",
            field=models.CharField(blank=True, db_default="", default="", max_length=80),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="service",
            field=models.CharField(
                blank=True, choices=_SERVICES, db_default="", default="", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="ledgerentry", name="subaccount", field=_subaccount("ledger_entries")
        ),
        migrations.AddIndex(
            model_name="ledgerentry", index=models.Index(fields=["account", "-at"], name="ledger_by_time")
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("service", ""),
                    models.Q(("kind", "usage"), ("service__in", ["call", "message"])),
                    _connector="OR",
                ),
                name="ledger_service_of_usage",
            ),
        ),
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
    ]
