"""Replays that apply an exception to the past, or its end; what a draft would have hidden."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0007_group_required"),
        ("library", "0005_rule_exception"),
        ("replay", "0001_replay"),
    ]

    operations = [
        migrations.AddField(
            model_name="replay",
            name="after_event",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="replay",
            name="exception",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="replays",
                to="library.ruleexception",
            ),
        ),
        migrations.AddField(
            model_name="replay",
            name="gone_confirmed",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="replay",
            name="gone_findings",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="replay",
            name="layer",
            field=models.CharField(
                blank=True,
                choices=[
                    ("shipped", "Shipped"),
                    ("own", "Own"),
                    ("overlay", "Customised"),
                    ("switch", "Switched"),
                    ("except", "Exceptions"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="replay",
            name="scope",
            field=models.CharField(
                blank=True,
                choices=[
                    ("open", "Findings that exist"),
                    ("all", "Findings that exist, and events without one"),
                    ("back", "What an exception hid"),
                ],
                max_length=4,
            ),
        ),
        migrations.AlterField(
            model_name="replay",
            name="stage",
            field=models.CharField(
                choices=[("findings", "Findings"), ("archived", "Archived findings"), ("events", "Events")],
                default="events",
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="Hidden",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "exception",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hidden", to="library.ruleexception"
                    ),
                ),
                (
                    "finding",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hidden", to="findings.finding"
                    ),
                ),
            ],
        ),
    ]
