import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("cloudtrail", "0002_event_by_name"),
        ("library", "0004_quiet_count"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CountedRules",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "rule_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="library.ruleset"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Replay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        choices=[("try", "Draft tried"), ("apply", "Applied to the past"), ("count", "Counted again")],
                        max_length=8,
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("open", "Findings that exist"),
                            ("all", "Findings that exist, and events without one"),
                        ],
                        max_length=4,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "kind",
                    models.CharField(
                        blank=True, choices=[("list", "List"), ("macro", "Macro"), ("rule", "Rule")], max_length=8
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=256)),
                (
                    "layer",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("shipped", "Shipped"),
                            ("own", "Own"),
                            ("overlay", "Customised"),
                            ("switch", "Switched"),
                        ],
                        max_length=8,
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("rules", models.JSONField(default=list)),
                ("event_names", models.JSONField(default=list)),
                ("newest_event", models.BigIntegerField(default=0)),
                (
                    "since",
                    models.DateTimeField(help_text="Only events from then on; null: all that are stored", null=True),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("failure", models.TextField(blank=True)),
                ("cancel_requested", models.BooleanField(default=False)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_owner", models.CharField(blank=True, max_length=64)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                (
                    "stage",
                    models.CharField(
                        choices=[("findings", "Findings"), ("events", "Events")], default="events", max_length=8
                    ),
                ),
                ("at_name", models.PositiveIntegerField(default=0)),
                ("at_time", models.DateTimeField(null=True)),
                ("at_id", models.BigIntegerField(null=True)),
                ("total", models.BigIntegerField(null=True)),
                ("done", models.BigIntegerField(default=0)),
                ("new", models.BigIntegerField(default=0)),
                ("gone", models.BigIntegerField(default=0)),
                ("unchanged", models.BigIntegerField(default=0)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "draft",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="library.ruleset"
                    ),
                ),
                (
                    "rule_set",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="library.ruleset"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReplayMatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_time", models.DateTimeField()),
                ("rule", models.CharField(max_length=256)),
                (
                    "change",
                    models.CharField(
                        choices=[("new", "New"), ("gone", "Gone"), ("unchanged", "Unchanged")], max_length=12
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cloudtrail.event"
                    ),
                ),
                (
                    "replay",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="matches", to="replay.replay"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="replay",
            index=models.Index(
                condition=models.Q(("state__in", ("waiting", "running"))), fields=["id"], name="replay_unfinished"
            ),
        ),
        migrations.AddIndex(
            model_name="replaymatch",
            index=models.Index(fields=["replay", "change", "-event_time", "-id"], name="replay_match_newest"),
        ),
        migrations.AddConstraint(
            model_name="replaymatch",
            constraint=models.UniqueConstraint(fields=("replay", "event", "rule"), name="replay_match_once"),
        ),
    ]
