"""A finding may be hidden by several exceptions."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0010_group_lists"),
        ("library", "0006_hidden_event"),
        ("replay", "0002_exceptions"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="replay",
            name="after_event",
        ),
        migrations.AlterField(
            model_name="hidden",
            name="finding",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="hidden",
                to="findings.finding",
            ),
        ),
        migrations.AddConstraint(
            model_name="hidden",
            constraint=models.UniqueConstraint(fields=("finding", "exception"), name="hidden_once"),
        ),
    ]
