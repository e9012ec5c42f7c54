"""The list of exceptions in pages, those in force or all."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("library", "0006_hidden_event"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="ruleexception",
            index=models.Index(fields=["state", "-created_at", "-id"], name="exception_of_state_newest"),
        ),
        migrations.AddIndex(
            model_name="ruleexception",
            index=models.Index(fields=["-created_at", "-id"], name="exception_newest"),
        ),
    ]
