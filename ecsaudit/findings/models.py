"""Findings: a rule that matched an event.

Finding >─ TagSet (the tags of its rule when it matched)
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from hashlib import sha256

from django.db import models
from django.db.models import QuerySet
from django.urls import reverse

from ecsaudit.cloudtrail.models import Account, Event
from ecsaudit.compliance.frameworks import keys_of
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.library.models import RuleSet, Version


class Priority(models.IntegerChoices):
    """Falco's priorities by their numbers: the smaller, the worse."""

    EMERGENCY = 0, "Emergency"
    ALERT = 1, "Alert"
    CRITICAL = 2, "Critical"
    ERROR = 3, "Error"
    WARNING = 4, "Warning"
    NOTICE = 5, "Notice"
    INFORMATIONAL = 6, "Informational"
    DEBUG = 7, "Debug"


class RecordState(models.TextChoices):
    """ASFF's RecordState. An archived finding is evidence that nobody needs to look at: its rule no longer matches."""

    ACTIVE = "active", "Active"
    ARCHIVED = "archived", "Archived"


class TagSetQuerySet(QuerySet["TagSet"]):
    def control_keys(self) -> dict[int, frozenset[str]]:
        """The id of every tag set with the keys of its frameworks and controls.

        Read from the tags each time, so that nothing is stale when the catalogue of controls changes.
        """
        return {pk: keys_of(tags) for pk, tags in self.values_list("pk", "tags")}

    def ids_with(self, keys: Collection[str]) -> list[int]:
        """The ids of those that name one of these frameworks or controls."""
        return sorted(pk for pk, found in self.control_keys().items() if not found.isdisjoint(keys))


class TagSet(models.Model):
    """A list of tags that findings share: one row for each list that ever occurred, so tens, not millions.

    Which controls a finding serves is found here first, and then its findings by an index.
    """

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the tags as JSON")
    tags = models.JSONField()

    objects = TagSetQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Tag set {self.pk}"

    @staticmethod
    def digest_of(tags: Sequence[str]) -> str:
        return sha256(json.dumps(list(tags)).encode()).hexdigest()


class FindingQuerySet(QuerySet["Finding"]):
    def active(self) -> FindingQuerySet:
        """Those that count."""
        return self.filter(record_state=RecordState.ACTIVE)

    def for_list(self) -> FindingQuerySet:
        """Newest first, with session and account; the order that keyset pages continue."""
        return self.select_related("account", "session").order_by("-event_time", "-pk")

    def count_up_to(self, limit: int) -> int:
        """The number of rows, or `limit` when there are more: so that no screen counts a whole table."""
        return self.order_by().values("pk")[:limit].count()

    def for_detail(self) -> FindingQuerySet:
        return self.select_related(
            "account", "session", "event", "event__body", "rule_version", "rule_set", "tag_set", "archived_by"
        )


class Finding(models.Model):
    """One rule that matched one event. Rule, priority, tags and output are kept as they were when it matched.

    `rule_version` is the text that had the last word on the rule, `rule_set` the whole that judged, `archived_by` the one
    in which the rule no longer matched.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="findings")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="findings")
    session = models.ForeignKey(ExecSession, on_delete=models.SET_NULL, null=True, related_name="findings")
    rule = models.CharField(max_length=256)
    rule_version = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="findings")
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, null=True, related_name="+")
    priority = models.PositiveSmallIntegerField(choices=Priority)
    tag_set = models.ForeignKey(TagSet, on_delete=models.PROTECT, related_name="findings")
    source = models.CharField(max_length=64)
    output = models.TextField()
    output_fields = models.JSONField(default=dict)
    region = models.CharField(max_length=32)
    event_time = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    record_state = models.CharField(max_length=8, choices=RecordState, default=RecordState.ACTIVE)
    archived_at = models.DateTimeField(null=True)
    archived_by = models.ForeignKey(RuleSet, on_delete=models.PROTECT, null=True, related_name="+")

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["-event_time", "-pk"]
        constraints = [models.UniqueConstraint(fields=["event", "rule"], name="finding_once_per_event_and_rule")]
        indexes = [
            # One for each way the list is filtered, always continued by the keyset, so that no filter sorts. The state
            # stands last: the list leaves archived findings out without looking at their rows.
            models.Index(fields=["-event_time", "-id", "record_state"], name="finding_newest"),
            models.Index(fields=["rule", "-event_time", "-id", "record_state"], name="finding_by_rule"),
            models.Index(fields=["priority", "-event_time", "-id", "record_state"], name="finding_by_priority"),
            models.Index(fields=["account", "-event_time", "-id", "record_state"], name="finding_by_account"),
            models.Index(fields=["region", "-event_time", "-id", "record_state"], name="finding_by_region"),
            models.Index(fields=["tag_set", "-event_time", "-id", "record_state"], name="finding_by_tag_set"),
            # whether a session has a finding of some tag sets
            models.Index(fields=["session", "tag_set"], name="finding_of_session_by_tag_set"),
            # Archived findings alone, newest first: few among many.
            models.Index(
                fields=["-event_time", "-id"],
                name="finding_archived",
                condition=models.Q(record_state=RecordState.ARCHIVED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.event_time:%Y-%m-%d %H:%M:%S}"

    def get_absolute_url(self) -> str:
        return reverse("finding", args=[self.pk])

    @property
    def is_archived(self) -> bool:
        return self.record_state == RecordState.ARCHIVED

    @property
    def tags(self) -> list[str]:
        """The rule's tags when it matched; costs a query unless the tag set was selected with the finding."""
        tags: list[str] = self.tag_set.tags
        return tags
