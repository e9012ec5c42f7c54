from django.db import migrations, models


class Migration(migrations.Migration):
    """What rules ask for, to judge it again."""

    dependencies = [
        ("cloudtrail", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["event_name", "-event_time", "-id"], name="event_by_name"),
        ),
    ]
