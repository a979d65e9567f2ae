"""Add what a subaccount may spend and did spend, and the addresses that may call with its credentials."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import console.core.fields


class Migration(migrations.Migration):
    """Add limits, months and networks."""

    dependencies = [("subaccounts", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name='subaccount',
            name='networks',
            field=django.contrib.postgres.fields.ArrayField(base_field=console.core.fields.CidrField(), null=True, size=None),
        ),
        migrations.CreateModel(
            name='MonthSpend',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField()),
                ('amount', models.DecimalField(decimal_places=5, max_digits=18)),
                ('alerted_at', models.DateTimeField(null=True)),
                ('reached_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='accounts.account')),
                ('subaccount', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='months', to='subaccounts.subaccount')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subaccount', 'month'), name='month_spend_once'), models.CheckConstraint(condition=models.Q(('month__day', 1)), name='month_spend_from_the_first')],
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='SpendLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.DecimalField(decimal_places=5, max_digits=18)),
                ('alert_percent', models.PositiveSmallIntegerField(null=True)),
                ('stop', models.CharField(choices=[('hard', 'Stop its calls and messages'), ('soft', 'Send mail, and let it go on')], default='hard', max_length=4)),
                ('changed_at', models.DateTimeField()),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='accounts.account')),
                ('subaccount', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='limit', to='subaccounts.subaccount')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='spend_limit_is_more_than_nothing'), models.CheckConstraint(condition=models.Q(('alert_percent', None), ('alert_percent__range', (1, 99)), _connector='OR'), name='spend_limit_alert_percent')],
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
    ]
