"""Add applications, the phones of applications, and answers that may have been lost."""

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subaccounts', '0002_subaccount_limits'),
    ]

    operations = [
        migrations.CreateModel(
            name='Application',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('app_id', models.CharField(max_length=17, unique=True)),
                ('name', models.CharField(max_length=100)),
                ('answer_url', models.CharField(blank=True, default='', max_length=1000)),
                ('answer_method', models.CharField(choices=[('GET', 'GET'), ('POST', 'POST')], default='POST', max_length=4)),
                ('hangup_url', models.CharField(blank=True, default='', max_length=1000)),
                ('hangup_method', models.CharField(choices=[('GET', 'GET'), ('POST', 'POST')], default='POST', max_length=4)),
                ('fallback_answer_url', models.CharField(blank=True, default='', max_length=1000)),
                ('fallback_method', models.CharField(choices=[('GET', 'GET'), ('POST', 'POST')], default='POST', max_length=4)),
                ('message_url', models.CharField(blank=True, default='', max_length=1000)),
                ('message_method', models.CharField(choices=[('GET', 'GET'), ('POST', 'POST')], default='POST', max_length=4)),
                ('default_number_app', models.BooleanField(default=False)),
                ('default_endpoint_app', models.BooleanField(default=False)),
                ('log_incoming_messages', models.BooleanField(default=True)),
                ('public_uri', models.BooleanField(default=False)),
                ('form_id', models.UUIDField(null=True, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('modified_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='accounts.account')),
                ('subaccount', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='subaccounts.subaccount')),
            ],
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('endpoint_id', models.CharField(max_length=14, unique=True)),
                ('username', models.CharField(max_length=37, unique=True)),
                ('alias', models.CharField(max_length=100)),
                ('sealed_hashes', models.BinaryField()),
                ('form_id', models.UUIDField(null=True, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('modified_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='accounts.account')),
                ('application', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='endpoints', to='subaccounts.application')),
                ('subaccount', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='endpoints', to='subaccounts.subaccount')),
            ],
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(max_length=32, unique=True)),
                ('status', models.PositiveSmallIntegerField()),
                ('body', models.JSONField(default=dict)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='accounts.account')),
            ],
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(fields=['account', '-id'], name='application_of_account'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(fields=['subaccount', '-id'], name='application_of_subaccount'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(('app_id__regex', '^[1-9][0-9]{16}$')), name='application_app_id'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(('name__regex', '^[A-Za-z0-9_-]+$')), name='application_name'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.UniqueConstraint(condition=models.Q(('default_number_app', True)), fields=('account', 'subaccount'), name='application_for_numbers', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.UniqueConstraint(condition=models.Q(('default_endpoint_app', True)), fields=('account', 'subaccount'), name='application_for_endpoints', nulls_distinct=False),
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(fields=['account', '-id'], name='endpoint_of_account'),
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(fields=['subaccount', '-id'], name='endpoint_of_subaccount'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('endpoint_id__regex', '^[1-9][0-9]{13}$')), name='endpoint_id'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('username__regex', '^[A-Za-z][A-Za-z0-9]{0,24}[0-9]{12}$')), name='endpoint_username'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('alias__regex', '^[A-Za-z0-9_-]+$')), name='endpoint_alias'),
        ),
        migrations.AddIndex(
            model_name='keptanswer',
            index=models.Index(fields=['made_at'], name='answer_made'),
        ),
    ]
