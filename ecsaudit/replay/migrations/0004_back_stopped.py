"""Finds what should have brought back what an exception hid, and came to a stop."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("library", "0006_hidden_event"),
        ("replay", "0003_hidden_by_several"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="replay",
            index=models.Index(
                condition=models.Q(("scope", "back"), ("state__in", ("cancelled", "failed"))),
                fields=["finished_at"],
                name="replay_back_stopped",
            ),
        ),
    ]
