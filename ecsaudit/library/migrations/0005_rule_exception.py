"""Exceptions of rules that people make from findings, and that end by themselves."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("library", "0004_quiet_count"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="version",
            name="layer",
            field=models.CharField(
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
        migrations.CreateModel(
            name="RuleException",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=256)),
                ("name", models.CharField(max_length=64, unique=True)),
                ("terms", models.JSONField()),
                ("owner", models.CharField(max_length=150)),
                ("reason", models.CharField(max_length=500)),
                ("made_from", models.BigIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("why_no_expiry", models.CharField(blank=True, max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "In force"), ("expired", "Expired"), ("withdrawn", "Withdrawn")],
                        default="active",
                        max_length=12,
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                ("after_event", models.BigIntegerField(default=0)),
                ("archived", models.PositiveBigIntegerField(default=0)),
                ("preview", models.JSONField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ended_by",
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
            name="ExceptionLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("made", "Made"),
                            ("imported", "Imported"),
                            ("extended", "Expiry changed"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        max_length=12,
                    ),
                ),
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
                    "exception",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="history", to="library.ruleexception"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddIndex(
            model_name="ruleexception",
            index=models.Index(fields=["rule", "id"], name="exception_of_rule"),
        ),
        migrations.AddIndex(
            model_name="ruleexception",
            index=models.Index(
                condition=models.Q(("state", "active")), fields=["expires_at"], name="exception_in_force_by_expiry"
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__isnull", False), models.Q(("why_no_expiry", ""), _negated=True), _connector="OR"
                ),
                name="exception_expires_or_says_why_not",
            ),
        ),
    ]
