"""Findings are worked on: workflow status, groups, suppressions, history, bulk actions; they may be of ecsaudit's own."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cloudtrail", "0002_event_by_name"),
        ("execsessions", "0002_daily_count_by_tag_set"),
        ("findings", "0004_record_state"),
        ("library", "0004_quiet_count"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="finding",
            name="assignee",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="findings",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="close_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("true_positive", "True positive"),
                    ("expected", "Expected"),
                    ("false_positive", "False positive"),
                    ("duplicate", "Duplicate"),
                    ("test", "Test"),
                    ("other", "Other"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="hub_is_stale",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="workflow_status",
            field=models.CharField(
                choices=[
                    ("new", "New"),
                    ("notified", "Notified"),
                    ("suppressed", "Suppressed"),
                    ("resolved", "Resolved"),
                ],
                default="new",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="revision",
            field=models.PositiveBigIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="finding",
            name="steps_done",
            field=models.JSONField(default=list, help_text="Numbers of the runbook's steps that are ticked"),
        ),
        migrations.AddField(
            model_name="finding",
            name="updated_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AlterField(
            model_name="finding",
            name="account",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="findings", to="cloudtrail.account"
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="event",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="findings", to="cloudtrail.event"
            ),
        ),
        migrations.CreateModel(
            name="BulkAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("change", models.JSONField()),
                ("address", models.TextField(blank=True, help_text="The filter, as it stands in the list's address")),
                (
                    "finding_ids",
                    models.JSONField(
                        help_text="The findings that were ticked; null: all that fit the filter", null=True
                    ),
                ),
                ("newest_finding", models.BigIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("failure", models.TextField(blank=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_owner", models.CharField(blank=True, max_length=64)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("at_time", models.DateTimeField(null=True)),
                ("at_id", models.BigIntegerField(null=True)),
                ("total", models.BigIntegerField(null=True)),
                ("changed", models.BigIntegerField(default=0)),
                ("unchanged", models.BigIntegerField(default=0)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="bulk_actions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "undo_of",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="undone_by",
                        to="findings.bulkaction",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Activity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("status", "Workflow status"),
                            ("assigned", "Assignee"),
                            ("comment", "Comment"),
                            ("step", "Runbook"),
                            ("archived", "Archived"),
                            ("unarchived", "Opened again"),
                            ("recurred", "Came back"),
                            ("undone", "Taken back"),
                        ],
                        max_length=16,
                    ),
                ),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("text", models.TextField(blank=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="activities", to="findings.finding"
                    ),
                ),
                (
                    "bulk",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="activities",
                        to="findings.bulkaction",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "activities",
            },
        ),
        migrations.CreateModel(
            name="FindingGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fingerprint", models.CharField(max_length=72, unique=True)),
                ("rule", models.CharField(max_length=256)),
                ("region", models.CharField(blank=True, max_length=32)),
                ("person", models.CharField(blank=True, max_length=256)),
                ("cluster", models.CharField(blank=True, max_length=256)),
                (
                    "target",
                    models.CharField(blank=True, help_text="Container, or service, in the cluster", max_length=256),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Emergency"),
                            (1, "Alert"),
                            (2, "Critical"),
                            (3, "Error"),
                            (4, "Warning"),
                            (5, "Notice"),
                            (6, "Informational"),
                            (7, "Debug"),
                        ]
                    ),
                ),
                ("count", models.PositiveBigIntegerField(default=0)),
                ("open_count", models.PositiveBigIntegerField(default=0)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("reopened_at", models.DateTimeField(null=True)),
                (
                    "is_open",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.ExpressionWrapper(models.Q(("open_count__gt", 0)), models.BooleanField()),
                        output_field=models.BooleanField(),
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="finding_groups",
                        to="cloudtrail.account",
                    ),
                ),
                (
                    "tag_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="findings.tagset"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="finding",
            name="group",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="findings",
                to="findings.findinggroup",
            ),
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField()),
                ("until_at", models.DateTimeField(null=True)),
                ("until_count", models.PositiveBigIntegerField(null=True)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("true_positive", "True positive"),
                            ("expected", "Expected"),
                            ("false_positive", "False positive"),
                            ("duplicate", "Duplicate"),
                            ("test", "Test"),
                            ("other", "Other"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_because", models.CharField(blank=True, max_length=256)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="suppressions",
                        to="findings.findinggroup",
                    ),
                ),
                (
                    "while_version",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="library.version"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="finding",
            name="suppression",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="findings",
                to="findings.suppression",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="is_open",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.ExpressionWrapper(
                    models.Q(("record_state", "active"), ("workflow_status__in", ("new", "notified"))),
                    models.BooleanField(),
                ),
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_open", True)), fields=["-event_time", "-id"], name="finding_open"
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_open", True)),
                fields=["rule", "-event_time", "-id"],
                name="finding_open_by_rule",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_open", True)),
                fields=["priority", "-event_time", "-id"],
                name="finding_open_by_priority",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_open", True)),
                fields=["account", "-event_time", "-id"],
                name="finding_open_by_account",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_open", True)),
                fields=["region", "-event_time", "-id"],
                name="finding_open_by_region",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_open", True)),
                fields=["tag_set", "-event_time", "-id"],
                name="finding_open_by_tag_set",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_open", True)),
                fields=["assignee", "-event_time", "-id"],
                name="finding_open_by_assignee",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["group", "-event_time", "-id"], name="finding_of_group"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("hub_is_stale", True)), fields=["account", "region", "id"], name="finding_for_hub"
            ),
        ),
        migrations.AddIndex(
            model_name="bulkaction",
            index=models.Index(
                condition=models.Q(("state__in", ("waiting", "running"))), fields=["id"], name="bulk_action_unfinished"
            ),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(fields=["finding", "id"], name="activity_of_finding"),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                condition=models.Q(("bulk__isnull", False)), fields=["bulk", "id"], name="activity_of_bulk"
            ),
        ),
        migrations.AddIndex(
            model_name="findinggroup",
            index=models.Index(fields=["-last_seen_at", "-id"], name="finding_group_newest"),
        ),
        migrations.AddIndex(
            model_name="findinggroup",
            index=models.Index(
                condition=models.Q(("is_open", True)), fields=["-last_seen_at", "-id"], name="finding_group_open"
            ),
        ),
        migrations.AddIndex(
            model_name="findinggroup",
            index=models.Index(fields=["rule", "-last_seen_at", "-id"], name="finding_group_by_rule"),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["until_at"], name="suppression_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("group",),
                name="suppression_one_in_force_per_group",
            ),
        ),
    ]
