"""Security Hub: how it stands in each account and Region, and what it was told about each finding."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("cloudtrail", "0002_event_by_name"),
        ("findings", "0007_group_required"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HubRegion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("region", models.CharField(max_length=32)),
                ("enabled", models.BooleanField(default=False)),
                ("switched_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Working"),
                            ("sending", "Sending"),
                            ("throttled", "Throttled"),
                            ("failing", "Failing"),
                            ("denied", "Access denied"),
                            ("not_enabled", "Not enabled in AWS"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("lease_owner", models.CharField(blank=True, max_length=64)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="Turns in a row that ended without a result"),
                ),
                ("next_attempt_at", models.DateTimeField()),
                ("tokens", models.FloatField(default=0)),
                ("tokens_at", models.DateTimeField(null=True)),
                ("after_finding", models.BigIntegerField(default=0)),
                ("mark_from", models.DateTimeField(null=True)),
                ("mark_time", models.DateTimeField(null=True)),
                ("mark_id", models.BigIntegerField(null=True)),
                ("imported", models.PositiveBigIntegerField(default=0, help_text="Imports that Security Hub took")),
                ("last_import_at", models.DateTimeField(null=True)),
                ("last_read_at", models.DateTimeField(null=True)),
                ("next_read_at", models.DateTimeField(null=True)),
                ("read_token", models.TextField(blank=True, help_text="Where reading the statuses goes on")),
                ("throttles", models.PositiveBigIntegerField(default=0)),
                ("errors", models.PositiveBigIntegerField(default=0)),
                ("failures_in_a_row", models.PositiveIntegerField(default=0)),
                ("error_code", models.CharField(blank=True, max_length=128)),
                ("error_message", models.TextField(blank=True)),
                ("tested_at", models.DateTimeField(null=True)),
                (
                    "test_result",
                    models.JSONField(default=list, help_text="[permission, outcome, what AWS said] of each"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hub_regions", to="cloudtrail.account"
                    ),
                ),
                (
                    "switched_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HubFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("retrying", "Failed for now"),
                            ("failed", "Failed for good"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("asff_id", models.CharField(blank=True, max_length=512)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("updated_at", models.DateTimeField(null=True)),
                (
                    "revision",
                    models.PositiveBigIntegerField(default=0, help_text="The finding's, as it was last taken"),
                ),
                ("record_state", models.CharField(blank=True, max_length=8)),
                ("sent_at", models.DateTimeField(null=True)),
                ("told_status", models.CharField(blank=True, max_length=12)),
                ("told_at", models.DateTimeField(null=True)),
                ("hub_status", models.CharField(blank=True, max_length=12)),
                ("status_read_at", models.DateTimeField(null=True)),
                ("drifted_at", models.DateTimeField(null=True)),
                ("asked", models.PositiveIntegerField(default=0)),
                ("answered", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, max_length=128)),
                ("error_message", models.TextField(blank=True)),
                (
                    "finding",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hub", to="findings.finding"
                    ),
                ),
                (
                    "hub_region",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="findings", to="securityhub.hubregion"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="hubregion",
            index=models.Index(
                condition=models.Q(("enabled", True)), fields=["next_attempt_at"], name="hub_region_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="hubregion",
            constraint=models.UniqueConstraint(
                fields=("account", "region"), name="hub_region_once_per_account_and_region"
            ),
        ),
        migrations.AddIndex(
            model_name="hubfinding",
            index=models.Index(
                condition=models.Q(("state", "retrying")),
                fields=["hub_region", "next_attempt_at"],
                name="hub_finding_due",
            ),
        ),
        migrations.AddIndex(
            model_name="hubfinding",
            index=models.Index(
                condition=models.Q(("state__in", ("retrying", "failed"))),
                fields=["-failed_at", "-id"],
                name="hub_finding_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="hubfinding",
            index=models.Index(
                condition=models.Q(("state__in", ("retrying", "failed"))),
                fields=["hub_region", "-failed_at", "-id"],
                name="hub_finding_failed_by_region",
            ),
        ),
        migrations.AddIndex(
            model_name="hubfinding",
            index=models.Index(
                condition=models.Q(("drifted_at__isnull", False)),
                fields=["-drifted_at", "-id"],
                name="hub_finding_drifted",
            ),
        ),
        migrations.AddIndex(
            model_name="hubfinding",
            index=models.Index(
                condition=models.Q(("drifted_at__isnull", False)),
                fields=["hub_region", "-drifted_at", "-id"],
                name="hub_finding_drifted_by_region",
            ),
        ),
        migrations.AddIndex(
            model_name="hubfinding",
            index=models.Index(
                condition=models.Q(("asff_id", ""), _negated=True), fields=["asff_id"], name="hub_finding_by_asff_id"
            ),
        ),
    ]
