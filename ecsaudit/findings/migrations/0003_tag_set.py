"""Tags move from each finding to tag sets that findings share, and findings are counted by tag set."""

import json
from datetime import UTC
from hashlib import sha256
from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Count
from django.db.models.functions import TruncDate

BATCH = 1_000


def share_tags(apps: Any, schema_editor: Any) -> None:
    """A tag set for each different list, and the roll-up that is kept from now on for the findings that are there."""
    Finding, TagSet = apps.get_model("findings", "Finding"), apps.get_model("findings", "TagSet")
    DailyCount = apps.get_model("execsessions", "DailyCount")
    for tags in list(Finding.objects.order_by().values_list("tags", flat=True).distinct()):
        digest = sha256(json.dumps(tags).encode()).hexdigest()
        tag_set, _ = TagSet.objects.get_or_create(digest=digest, defaults={"tags": tags})
        Finding.objects.filter(tags=tags).update(tag_set=tag_set)
    days = Finding.objects.order_by().values_list("account", TruncDate("event_time", tzinfo=UTC), "tag_set")
    DailyCount.objects.bulk_create(
        (
            DailyCount(account_id=account, day=day, dimension="tag_set", value=str(tag_set), count=count)
            for account, day, tag_set, count in days.annotate(count=Count("pk"))
        ),
        batch_size=BATCH,
    )


def give_tags_back(apps: Any, schema_editor: Any) -> None:
    Finding, TagSet = apps.get_model("findings", "Finding"), apps.get_model("findings", "TagSet")
    for tag_set in TagSet.objects.all():
        Finding.objects.filter(tag_set=tag_set).update(tags=tag_set.tags)
    apps.get_model("execsessions", "DailyCount").objects.filter(dimension="tag_set").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("execsessions", "0002_daily_count_by_tag_set"),
        ("findings", "0002_finding_rule_version"),
    ]

    operations = [
        migrations.CreateModel(
            name="TagSet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(help_text="SHA-256 of the tags as JSON", max_length=64, unique=True)),
                ("tags", models.JSONField()),
            ],
        ),
        # Without its constraint until the column is filled: PostgreSQL alters no table whose checks are still due.
        migrations.AddField(
            model_name="finding",
            name="tag_set",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="findings.tagset",
            ),
        ),
        migrations.RunPython(share_tags, give_tags_back),
        migrations.AlterField(
            model_name="finding",
            name="tag_set",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="findings", to="findings.tagset"
            ),
        ),
        migrations.RemoveField(model_name="finding", name="tags"),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["tag_set", "-event_time", "-id"], name="finding_by_tag_set"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["session", "tag_set"], name="finding_of_session_by_tag_set"),
        ),
    ]
