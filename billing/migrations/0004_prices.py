"""Add price lists with the date from which they count; what was published stays as it is."""

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
import uuid
from django.db import migrations, models

_FORWARDS = """
CREATE FUNCTION billing_place_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT list.account_id, list.effective_at INTO NEW.account_id, NEW.starts_at
  FROM billing_pricelist AS list WHERE list.id = NEW.price_list_id;
  RETURN NEW;
END $$;
CREATE TRIGGER price_placed BEFORE INSERT ON billing_price
  FOR EACH ROW EXECUTE FUNCTION billing_place_price();
CREATE TRIGGER price_no_change BEFORE UPDATE OR DELETE ON billing_price
  FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER price_no_truncate BEFORE TRUNCATE ON billing_price
  FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER price_list_no_change BEFORE UPDATE OR DELETE ON billing_pricelist
  FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER price_list_no_truncate BEFORE TRUNCATE ON billing_pricelist
  FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""

_BACKWARDS = """
DROP TRIGGER price_placed ON billing_price;
DROP TRIGGER price_no_change ON billing_price;
DROP TRIGGER price_no_truncate ON billing_price;
DROP TRIGGER price_list_no_change ON billing_pricelist;
DROP TRIGGER price_list_no_truncate ON billing_pricelist;
DROP FUNCTION billing_place_price();
"""


class Migration(migrations.Migration):
    """Add the tables, and the triggers that keep them."""

    dependencies = [("billing", "0003_plan"), ("core", "0002_append_only_audit")]

    operations = [
        migrations.CreateModel(
            name='PriceList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('effective_at', models.DateTimeField()),
                ('published_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('is_sample', models.BooleanField(default=False)),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='price_lists', to='accounts.account')),
            ],
        ),
        migrations.CreateModel(
            name='PriceImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('effective_on', models.DateField(verbose_name='counts from, in UTC')),
                ('file_name', models.CharField(editable=False, max_length=120)),
                ('text', models.TextField(editable=False)),
                ('lines', models.PositiveIntegerField(default=0, editable=False)),
                ('loaded_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
                ('price_list', models.OneToOneField(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='source', to='billing.pricelist')),
            ],
            options={
                'verbose_name': 'price list import',
            },
        ),
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('country', models.CharField(max_length=2)),
                ('service', models.CharField(choices=[('voice', 'voice'), ('message', 'message'), ('number', 'number')], max_length=10)),
                ('direction', models.CharField(choices=[('outbound', 'outbound'), ('inbound', 'inbound'), ('rental', 'rental')], max_length=10)),
                ('number_type', models.CharField(blank=True, choices=[('local', 'local'), ('national', 'national'), ('mobile', 'mobile'), ('tollfree', 'tollfree'), ('ip', 'ip')], default='', max_length=10)),
                ('prefix', models.CharField(blank=True, default='', max_length=15)),
                ('network', models.CharField(blank=True, default='', max_length=80)),
                ('destination', models.CharField(blank=True, default='', max_length=80)),
                ('rate', models.DecimalField(decimal_places=5, max_digits=12, null=True)),
                ('account', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='accounts.account')),
                ('price_list', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='billing.pricelist')),
            ],
        ),
        migrations.CreateModel(
            name='PriceNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('countries', models.CharField(max_length=1000)),
                ('impact', models.DecimalField(decimal_places=5, max_digits=18)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('told_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='accounts.account')),
                ('price_list', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='billing.pricelist')),
            ],
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddIndex(
            model_name='pricelist',
            index=models.Index(fields=['account', 'effective_at'], name='price_list_of_account'),
        ),
        migrations.AddIndex(
            model_name='price',
            index=models.Index(fields=['country', 'account'], name='price_of_country'),
        ),
        migrations.AddIndex(
            model_name='price',
            index=models.Index(condition=models.Q(('prefix', ''), _negated=True), fields=['prefix', 'starts_at'], name='price_by_prefix'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.CheckConstraint(condition=models.Q(('rate__isnull', True), ('rate__gte', 0), _connector='OR'), name='price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$'), ('prefix__regex', '^([1-9]\\d{0,14})?$')), name='price_codes'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('direction', 'outbound'), ('service', 'voice'), models.Q(('number_type', 'ip'), _negated=True), models.Q(('prefix', ''), _negated=True), models.Q(('number_type', ''), _negated=True), ('network', '')), models.Q(('direction', 'outbound'), ('network', ''), ('number_type', 'ip'), ('prefix', ''), ('service', 'voice')), models.Q(('direction', 'inbound'), ('network', ''), ('prefix', ''), ('service', 'voice'), models.Q(('number_type', ''), _negated=True)), models.Q(('direction', 'outbound'), ('number_type', ''), ('prefix', ''), ('service', 'message')), models.Q(('direction', 'inbound'), ('network', ''), ('number_type', ''), ('prefix', ''), ('service', 'message')), models.Q(('direction', 'rental'), ('network', ''), ('prefix', ''), ('service', 'number'), models.Q(('number_type__in', ['', 'ip']), _negated=True)), _connector='OR'), name='price_shape'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.UniqueConstraint(condition=models.Q(('prefix', ''), _negated=True), fields=('price_list', 'prefix'), name='price_prefix_once'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.UniqueConstraint(condition=models.Q(('prefix', '')), fields=('price_list', 'country', 'service', 'direction', 'number_type', 'network'), name='price_thing_once'),
        ),
        migrations.AddIndex(
            model_name='pricenotice',
            index=models.Index(condition=models.Q(('told_at', None)), fields=['id'], name='price_notice_to_tell'),
        ),
        migrations.AddConstraint(
            model_name='pricenotice',
            constraint=models.UniqueConstraint(fields=('price_list', 'account'), name='price_notice_once'),
        ),
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
    ]
