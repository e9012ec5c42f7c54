import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Findings whose rule no longer matches are archived, and left out of every list within its index."""

    dependencies = [
        ("cloudtrail", "0001_initial"),
        ("execsessions", "0002_daily_count_by_tag_set"),
        ("findings", "0003_tag_set"),
        ("library", "0004_quiet_count"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_newest",
        ),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_by_rule",
        ),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_by_priority",
        ),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_by_account",
        ),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_by_region",
        ),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_by_tag_set",
        ),
        migrations.AddField(
            model_name="finding",
            name="archived_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="archived_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="library.ruleset"
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="record_state",
            field=models.CharField(
                choices=[("active", "Active"), ("archived", "Archived")], default="active", max_length=8
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["-event_time", "-id", "record_state"], name="finding_newest"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["rule", "-event_time", "-id", "record_state"], name="finding_by_rule"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["priority", "-event_time", "-id", "record_state"], name="finding_by_priority"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["account", "-event_time", "-id", "record_state"], name="finding_by_account"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["region", "-event_time", "-id", "record_state"], name="finding_by_region"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["tag_set", "-event_time", "-id", "record_state"], name="finding_by_tag_set"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("record_state", "archived")), fields=["-event_time", "-id"], name="finding_archived"
            ),
        ),
    ]
