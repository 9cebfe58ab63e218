from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0004_ended'),
    ]

    operations = [
        migrations.AddField(
            model_name='recorderror',
            name='field',
            field=models.CharField(blank=True, max_length=200),
        ),
    ]
