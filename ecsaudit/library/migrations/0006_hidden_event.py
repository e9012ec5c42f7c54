"""The events that each exception kept from being found, noted instead of guessed by their ids."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cloudtrail", "0002_event_by_name"),
        ("library", "0005_rule_exception"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="ruleexception",
            name="after_event",
        ),
        migrations.AddField(
            model_name="ruleexception",
            name="kept_out",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="ruleexception",
            name="last_matched_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="HiddenEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cloudtrail.event"
                    ),
                ),
                (
                    "exception",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hidden_events",
                        to="library.ruleexception",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("exception", "event"), name="hidden_event_once")],
            },
        ),
    ]
