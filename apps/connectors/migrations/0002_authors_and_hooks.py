import apps.connectors.models
from apps.connectors.models import new_hook_token
import django.db.models.deletion
from django.db import migrations, models


def give_hook_tokens(apps, schema_editor):
    """One of its own for each connector that was there before, a thousand at a time."""
    connectors = apps.get_model("connectors", "Connector")
    while rows := list(connectors.objects.filter(hook_token="").only("pk")[:1000]):
        for row in rows:
            row.hook_token = new_hook_token()
        connectors.objects.bulk_update(rows, ["hook_token"])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('connectors', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='componentversion',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.enduser'),
        ),
        migrations.AddField(
            model_name='componentversion',
            name='updated_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.enduser'),
        ),
        migrations.AddField(
            model_name='connector',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.enduser'),
        ),
        migrations.AddField(
            model_name='connector',
            name='hook_token',
            field=models.CharField(default='', max_length=43),
            preserve_default=False,
        ),
        migrations.RunPython(give_hook_tokens, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='connector',
            name='hook_token',
            field=models.CharField(default=apps.connectors.models.new_hook_token, max_length=43, unique=True),
        ),
        migrations.AddField(
            model_name='connector',
            name='published_by',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name='connector',
            name='updated_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.enduser'),
        ),
        migrations.AddField(
            model_name='connectorversion',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.enduser'),
        ),
        migrations.AddField(
            model_name='connectorversion',
            name='updated_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.enduser'),
        ),
        migrations.AlterField(
            model_name='security',
            name='name',
            field=models.CharField(max_length=255),
        ),
        migrations.AddConstraint(
            model_name='security',
            constraint=models.UniqueConstraint(fields=('connector', 'name'), name='one_security_per_name'),
        ),
    ]
