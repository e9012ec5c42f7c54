"""Policies: which findings are told to whom, and how each of them became what it is.

Policy >─< Channel              Policy ─< PolicyVersion (every change, also of those that are gone)
PolicyBook (the one row that counts the changes)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, URLValidator
from django.db import models
from django.db.models import QuerySet
from django.urls import reverse

from ecsaudit.findings.models import Priority
from ecsaudit.findings.severity import Severity
from ecsaudit.notifications.models import Channel
from ecsaudit.policies.hours import UTC, Hours
from ecsaudit.policies.patterns import patterns
from ecsaudit.policies.terms import SCOPE, Grouping, Selection, Terms

# A policy's throttle, in minutes.
LONGEST_THROTTLE = 7 * 24 * 60
# What tells one state of all policies from another, also after a database was put back to an older state.
Key = tuple[int, datetime]
# What a change can be about, with the words for it: everything that a version keeps.
FIELDS = {
    "name": "name",
    "description": "description",
    "enabled": "switch",
    "owner": "owner",
    "rules": "rules",
    "tags": "tags",
    "controls": "frameworks and controls",
    "priority": "priority",
    "scope": "scope",
    "hours": "hours",
    "hours_days": "days",
    "hours_from": "from",
    "hours_to": "to",
    "hours_zone": "time zone",
    "severity": "severity",
    "throttle_minutes": "throttle",
    "grouping": "grouping",
    "runbook_url": "runbook",
    "position": "position",
    "channels": "channels",
}


class HoursMode(models.TextChoices):
    """When a policy applies."""

    ALWAYS = "always", "At all times"
    INSIDE = "inside", "Within these hours"
    OUTSIDE = "outside", "Outside these hours"


class PolicyQuerySet(QuerySet["Policy"]):
    def in_order(self) -> PolicyQuerySet:
        """With their channels, in the order in which they are asked."""
        return self.prefetch_related("channels").order_by("position", "pk")


class Policy(models.Model):
    """Which findings are told to which channels, how often, and with what runbook.

    `rules`, `tags` and the lists in `scope` are lines of policies.patterns; `controls` are keys of frameworks and controls.
    `revision` grows with every change. What is changed goes through policies.services, which keeps the history.
    """

    name = models.CharField(max_length=128, unique=True)
    description = models.TextField(blank=True, max_length=2_000)
    enabled = models.BooleanField(default=True)
    owner = models.CharField(max_length=128, blank=True, help_text="Person or team that answers for it")
    position = models.PositiveIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    rules = models.JSONField(default=list, blank=True)
    tags = models.JSONField(default=list, blank=True)
    controls = models.JSONField(default=list, blank=True)
    # the mildest that is meant; null: any
    priority = models.PositiveSmallIntegerField(choices=Priority, null=True, blank=True)

    scope = models.JSONField(default=dict, blank=True)
    hours = models.CharField(max_length=8, choices=HoursMode, default=HoursMode.ALWAYS)
    hours_days = models.JSONField(default=list, blank=True)
    hours_from = models.TimeField(null=True, blank=True)
    hours_to = models.TimeField(null=True, blank=True)
    hours_zone = models.CharField(max_length=64, default=UTC)

    # empty: as the rule's priority says
    severity = models.CharField(max_length=16, choices=Severity, blank=True)
    channels = models.ManyToManyField(Channel, blank=True, related_name="policies")
    throttle_minutes = models.PositiveIntegerField(default=15, validators=[MaxValueValidator(LONGEST_THROTTLE)])
    grouping = models.CharField(max_length=8, choices=Grouping, default=Grouping.GROUP)
    runbook_url = models.CharField(
        max_length=2_000, blank=True, validators=[URLValidator(schemes=["https"], message="Write an https:// address.")]
    )

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("policy", args=[self.pk])

    def terms(self, channel_ids: list[int] | None = None) -> Terms:
        """What it says. `channel_ids` of one that isn't saved; else its own, which costs a query unless prefetched."""
        ids = [channel.pk for channel in self.channels.all()] if channel_ids is None else channel_ids
        scope = {name: patterns(tuple(self.scope.get(name, ()))) for name in SCOPE}
        return Terms(
            pk=self.pk or 0,
            name=self.name,
            enabled=self.enabled,
            selection=Selection(
                patterns(tuple(self.rules)), patterns(tuple(self.tags)), frozenset(self.controls), self.priority
            ),
            scope={name: each for name, each in scope.items() if each},
            hours=self.span(),
            severity=self.severity,
            channels=tuple(ids),
            throttle=timedelta(minutes=self.throttle_minutes),
            grouping=Grouping(self.grouping),
            runbook_url=self.runbook_url,
        )

    def span(self) -> Hours | None:
        """Its hours; None where it applies at all times."""
        if self.hours == HoursMode.ALWAYS or self.hours_from is None or self.hours_to is None:
            return None
        outside = self.hours == HoursMode.OUTSIDE
        return Hours(frozenset(self.hours_days), self.hours_from, self.hours_to, self.hours_zone, outside)

    def snapshot(self, channel_names: list[str]) -> dict[str, Any]:
        """All of FIELDS as JSON has them."""
        clocks = {
            name: f"{clock:%H:%M}" if (clock := getattr(self, name)) else "" for name in ("hours_from", "hours_to")
        }
        plain = {name: getattr(self, name) for name in FIELDS if name != "channels" and name not in clocks}
        return plain | clocks | {"channels": sorted(channel_names)}


class Action(models.TextChoices):
    """What was done to a policy."""

    CREATED = "created", "Created"
    CHANGED = "changed", "Changed"
    SWITCHED = "switched", "Switched"
    MOVED = "moved", "Moved"
    DELETED = "deleted", "Deleted"


class PolicyVersionQuerySet(QuerySet["PolicyVersion"]):
    def for_list(self) -> PolicyVersionQuerySet:
        """Newest first, with who did it."""
        return self.select_related("by", "policy").order_by("-pk")


class PolicyVersion(models.Model):
    """One change of a policy; never changed itself, and kept when the policy goes. `by` is null where ecsaudit did it.

    `before` and `after` hold the FIELDS that changed; all of them where it was created or deleted.
    """

    policy = models.ForeignKey(Policy, on_delete=models.SET_NULL, null=True, related_name="versions")
    name = models.CharField(max_length=128)
    revision = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=8, choices=Action)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        indexes = [
            # the history of one policy, newest first
            models.Index(fields=["policy", "-id"], name="policy_version_of_policy"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, revision {self.revision}: {self.get_action_display()}"


class PolicyBook(models.Model):
    """The one row that counts the changes, so that whoever decides knows policies anew only when they are others.

    Whoever changes policies locks it first.
    """

    revision = models.PositiveBigIntegerField(default=0)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Policies, revision {self.revision}"

    @classmethod
    def locked(cls) -> PolicyBook:
        """The row, locked until the transaction ends."""
        cls.objects.get_or_create(pk=1)
        return cls.objects.select_for_update().get(pk=1)
