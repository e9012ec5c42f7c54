import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Channels, and the outbox of messages to them."""

    initial = True

    dependencies = [
        ("findings", "0007_group_required"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=16)),
                ("name", models.CharField(max_length=128, unique=True)),
                ("enabled", models.BooleanField(default=True)),
                ("settings", models.JSONField(default=dict)),
                ("sealed_secrets", models.TextField(blank=True)),
                ("title_template", models.TextField(blank=True, help_text="Empty: the kind's own")),
                ("body_template", models.TextField(blank=True, help_text="Empty: the kind's own")),
                ("failures_in_a_row", models.PositiveIntegerField(default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("last_answer_code", models.CharField(blank=True, max_length=64)),
                ("last_answer_text", models.TextField(blank=True)),
                ("last_accepted_at", models.DateTimeField(null=True)),
                ("last_tried_at", models.DateTimeField(null=True)),
                ("tested_at", models.DateTimeField(null=True)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("lease_owner", models.CharField(blank=True, max_length=64)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        choices=[("finding", "Finding"), ("digest", "What was held back"), ("test", "Test")],
                        default="finding",
                        max_length=8,
                    ),
                ),
                ("key", models.CharField(max_length=64, unique=True)),
                ("about", models.CharField(max_length=128)),
                ("policy", models.CharField(blank=True, max_length=256)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("INFORMATIONAL", "Informational"),
                            ("LOW", "Low"),
                            ("MEDIUM", "Medium"),
                            ("HIGH", "High"),
                            ("CRITICAL", "Critical"),
                        ],
                        max_length=16,
                    ),
                ),
                ("runbook_url", models.CharField(blank=True, max_length=2000)),
                ("count", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("claimed", "Being prepared"),
                            ("calling", "Being sent"),
                            ("sent", "Sent"),
                            ("retrying", "Failed for now"),
                            ("failed", "Failed for good"),
                            ("uncertain", "Uncertain"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="pending",
                        max_length=12,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("give_up_at", models.DateTimeField()),
                ("lease_owner", models.CharField(blank=True, max_length=64)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("answer_code", models.CharField(blank=True, max_length=64)),
                ("answer_text", models.TextField(blank=True)),
                ("accepted_at", models.DateTimeField(null=True)),
                ("findings_noted", models.BooleanField(default=False)),
                ("sent_title", models.TextField(blank=True)),
                ("sent_body", models.TextField(blank=True)),
                ("asked_at", models.DateTimeField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="messages", to="notifications.channel"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("owner", models.CharField(max_length=64)),
                ("answered_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=12)),
                ("code", models.CharField(blank=True, max_length=64)),
                ("text", models.TextField(blank=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tries", to="notifications.message"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Throttle",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("policy", models.CharField(blank=True, max_length=256)),
                ("key", models.TextField(blank=True)),
                (
                    "digest",
                    models.CharField(
                        help_text="SHA-256 of channel, policy and key as JSON", max_length=64, unique=True
                    ),
                ),
                ("length", models.DurationField()),
                ("until_at", models.DateTimeField(null=True)),
                ("held", models.PositiveIntegerField(default=0)),
                ("runbook_url", models.CharField(blank=True, max_length=2000)),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="throttles",
                        to="notifications.channel",
                    ),
                ),
                (
                    "first_message",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="throttle",
                        to="notifications.message",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("held_until", models.DateTimeField(null=True)),
                ("not_sent", models.CharField(blank=True, max_length=256)),
                ("policy", models.CharField(blank=True, max_length=256)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("INFORMATIONAL", "Informational"),
                            ("LOW", "Low"),
                            ("MEDIUM", "Medium"),
                            ("HIGH", "High"),
                            ("CRITICAL", "Critical"),
                        ],
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="notifications.channel",
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="findings.finding"
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="notifications.message",
                    ),
                ),
                (
                    "throttle",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="deliveries",
                        to="notifications.throttle",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state__in", ("pending", "retrying"))),
                fields=["channel", "id", "next_attempt_at"],
                name="message_due",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state__in", ("claimed", "calling"))),
                fields=["channel", "lease_expires_at"],
                name="message_held",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state__in", ("pending", "retrying"))),
                fields=["give_up_at"],
                name="message_overdue",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("findings_noted", False), ("state", "sent")),
                fields=["channel", "id"],
                name="message_unnoted",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state", "sent"), _negated=True), fields=["state", "id"], name="message_not_sent"
            ),
        ),
        migrations.AddIndex(
            model_name="throttle",
            index=models.Index(fields=["until_at"], name="throttle_over"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["channel", "-created_at", "-id"], name="delivery_by_channel"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["policy", "-created_at", "-id"], name="delivery_by_policy"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("throttle__isnull", False)), fields=["throttle", "id"], name="delivery_held"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("message__isnull", True)),
                fields=["-created_at", "-id"],
                name="delivery_without_message",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("finding", "channel"), name="delivery_once_per_finding_and_channel"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("message__isnull", True), ("throttle__isnull", True), _connector="OR"),
                name="delivery_sent_or_held",
            ),
        ),
    ]
