"""Exec sessions: one record for each way into a container that somebody took or tried.

ExecSession ─< SessionEvent >─ Event            DailyCount: the charts' roll-up, kept in the ingest transaction
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db import models
from django.db.models import QuerySet, Sum
from django.urls import reverse

from ecsaudit.cloudtrail.identity import IdentityKind
from ecsaudit.cloudtrail.models import Account, Event
from ecsaudit.cloudtrail.user_agent import Client


class Kind(models.TextChoices):
    EXEC = "exec", "ECS Exec"
    AROUND = "around", "Opened around ECS Exec"


class Mode(models.TextChoices):
    """What the opening command's content says; ECS sets `interactive` on every call."""

    SHELL = "shell", "Interactive"
    ONE_SHOT = "one_shot", "One-shot command"
    PORT_FORWARD = "port_forward", "Port forwarding"
    UNKNOWN = "unknown", "Unknown"


class Outcome(models.TextChoices):
    OPENED = "opened", "Opened"
    DENIED = "denied", "Denied"
    FAILED = "failed", "Failed"


class ExecSessionQuerySet(QuerySet["ExecSession"]):
    def for_list(self) -> ExecSessionQuerySet:
        """Newest first, with the account; the order that keyset pages continue."""
        return self.select_related("account").order_by("-started_at", "-pk")

    def for_detail(self) -> ExecSessionQuerySet:
        return self.select_related("account", "event", "event__body")


class ExecSession(models.Model):
    """Who opened, or tried to open, what in which container, when, from where, and how it ended."""

    event = models.OneToOneField(
        Event, on_delete=models.CASCADE, related_name="opened_session", help_text="The event that opened the session"
    )
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="exec_sessions")
    region = models.CharField(max_length=32)
    kind = models.CharField(max_length=8, choices=Kind)
    mode = models.CharField(max_length=12, choices=Mode)
    outcome = models.CharField(max_length=8, choices=Outcome)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="Known only when somebody terminated the session")
    person = models.CharField(max_length=256)
    identity_kind = models.CharField(max_length=12, choices=IdentityKind)
    role_name = models.CharField(max_length=256, blank=True)
    user_arn = models.CharField(max_length=2048, blank=True)
    cluster = models.CharField(max_length=256, blank=True)
    service = models.CharField(max_length=256, blank=True)
    task_id = models.CharField(max_length=256, blank=True)
    container = models.CharField(max_length=256, blank=True)
    command = models.TextField(blank=True)
    source_ip_address = models.CharField(max_length=256, blank=True)
    client = models.CharField(max_length=12, choices=Client)
    user_agent = models.TextField(blank=True)
    error_code = models.CharField(max_length=128, blank=True)
    error_message = models.TextField(blank=True)
    ssm_session_id = models.CharField(max_length=128, blank=True)
    finding_count = models.PositiveIntegerField(default=0)
    # Falco's number: 0 Emergency … 7 Debug; null: no finding
    worst_priority = models.PositiveSmallIntegerField(null=True)

    objects = ExecSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [
            # One for each way the list is filtered, always continued by the keyset, so that no filter sorts.
            models.Index(fields=["-started_at", "-id"], name="session_newest"),
            models.Index(fields=["account", "-started_at", "-id"], name="session_by_account"),
            models.Index(fields=["region", "-started_at", "-id"], name="session_by_region"),
            models.Index(fields=["cluster", "-started_at", "-id"], name="session_by_cluster"),
            models.Index(fields=["container", "-started_at", "-id"], name="session_by_container"),
            models.Index(fields=["person", "-started_at", "-id"], name="session_by_person"),
            models.Index(fields=["role_name", "-started_at", "-id"], name="session_by_role"),
            models.Index(fields=["kind", "-started_at", "-id"], name="session_by_kind"),
            models.Index(fields=["mode", "-started_at", "-id"], name="session_by_mode"),
            models.Index(fields=["outcome", "-started_at", "-id"], name="session_by_outcome"),
            models.Index(fields=["client", "-started_at", "-id"], name="session_by_client"),
            models.Index(fields=["worst_priority", "-started_at", "-id"], name="session_by_priority"),
            models.Index(fields=["task_id"], name="session_by_task"),
            models.Index(fields=["ssm_session_id"], name="session_by_ssm_session"),
        ]

    def __str__(self) -> str:
        return f"{self.person} → {self.cluster}/{self.container} {self.started_at:%Y-%m-%d %H:%M:%S}"

    def get_absolute_url(self) -> str:
        return reverse("session", args=[self.pk])


class SessionEvent(models.Model):
    """An event that belongs to a session: the one that opened it, and those of the SSM session behind it."""

    session = models.ForeignKey(ExecSession, on_delete=models.CASCADE, related_name="session_events")
    event = models.OneToOneField(Event, on_delete=models.CASCADE, related_name="session_event")

    def __str__(self) -> str:
        return f"event {self.event_id} of session {self.session_id}"


class Dimension(models.TextChoices):
    """What a DailyCount is counted by."""

    OUTCOME = "outcome", "Sessions by outcome"
    PERSON = "person", "Sessions by person"
    CLUSTER = "cluster", "Sessions by cluster"
    RULE = "rule", "Findings by rule"
    # The value is the id of a TagSet, from which the controls follow.
    TAG_SET = "tag_set", "Findings by tag set"


class DailyCountQuerySet(QuerySet["DailyCount"]):
    def since(self, day: date) -> DailyCountQuerySet:
        return self.filter(day__gte=day)

    def between(self, first: date, last: date | None) -> DailyCountQuerySet:
        """Of the days from `first` to `last`; without a last one, to whatever the newest is."""
        return self.since(first) if last is None else self.since(first).filter(day__lte=last)

    def by_day(self, dimension: Dimension) -> Iterable[tuple[date, str, int]]:
        """(day, value, count) of one dimension, all accounts together."""
        rows = self.filter(dimension=dimension).values_list("day", "value").annotate(total=Sum("count")).order_by("day")
        return rows.values_list("day", "value", "total")

    def top(self, dimension: Dimension, limit: int) -> Iterable[tuple[str, int]]:
        """(value, count) of the values that occur most, the most first."""
        rows = self.filter(dimension=dimension).values("value").annotate(total=Sum("count")).filter(total__gt=0)
        return rows.order_by("-total", "value").values_list("value", "total")[:limit]

    def values_seen(self, dimension: Dimension) -> int:
        """How many different values occur; no value is none."""
        named = self.filter(dimension=dimension, count__gt=0).exclude(value="")
        return named.values("value").distinct().count()

    def totals(self, dimension: Dimension) -> dict[str, int]:
        """value → count, of all days and accounts together."""
        rows = self.filter(dimension=dimension).values("value").annotate(total=Sum("count"))
        return dict(rows.values_list("value", "total"))

    def total(self, dimension: Dimension) -> int:
        return self.filter(dimension=dimension).aggregate(total=Sum("count"))["total"] or 0


class DailyCount(models.Model):
    """Sessions or findings of one account on one day (UTC) that share a value; so that no chart reads whole tables."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="daily_counts")
    day = models.DateField()
    dimension = models.CharField(max_length=8, choices=Dimension)
    value = models.CharField(max_length=256)
    count = models.IntegerField(default=0)

    objects = DailyCountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dimension", "day", "account", "value"], name="daily_count_once_per_dimension_day_account_value"
            )
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.value} {self.day}: {self.count}"
