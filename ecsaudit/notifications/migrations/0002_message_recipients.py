"""Who of several recipients has a message, so that the others can be tried again alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_outbox")]

    operations = [
        migrations.AddField(model_name="message", name="taken_by", field=models.JSONField(default=list)),
        migrations.AddField(model_name="message", name="not_taken_by", field=models.JSONField(default=list)),
    ]
