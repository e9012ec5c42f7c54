"""Indexes for the list of groups: those of one person, and those with an open finding."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("findings", "0009_bulk_selection")]

    operations = [
        migrations.AlterField(
            model_name="findinggroup",
            name="reopened_at",
            field=models.DateTimeField(help_text="When something in it was open again, after nothing was", null=True),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_open", True)),
                fields=["group", "-event_time", "-id"],
                name="finding_open_of_group",
            ),
        ),
        migrations.AddIndex(
            model_name="findinggroup",
            index=models.Index(fields=["person", "-last_seen_at", "-id"], name="finding_group_by_person"),
        ),
    ]
