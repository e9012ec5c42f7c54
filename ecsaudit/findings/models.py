"""Findings: a rule that matched an event, and how people work through them.

Finding >─ TagSet (the tags of its rule when it matched)
Finding >─ FindingGroup (the same rule, person and target) ─< Suppression
Finding ─< Activity (its history) >─ BulkAction (what was done to many at once)
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import models
from django.db.models import ExpressionWrapper, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

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


class WorkflowStatus(models.TextChoices):
    """ASFF's Workflow.Status: what people made of a finding."""

    NEW = "new", "New"
    NOTIFIED = "notified", "Notified"
    SUPPRESSED = "suppressed", "Suppressed"
    RESOLVED = "resolved", "Resolved"


UNFINISHED = (WorkflowStatus.NEW, WorkflowStatus.NOTIFIED)
FINISHED = (WorkflowStatus.SUPPRESSED, WorkflowStatus.RESOLVED)
IS_OPEN = Q(record_state=RecordState.ACTIVE, workflow_status__in=UNFINISHED)
BOOLEAN = models.BooleanField()


class CloseReason(models.TextChoices):
    """Why somebody is done with a finding."""

    TRUE_POSITIVE = "true_positive", "True positive"
    EXPECTED = "expected", "Expected"
    FALSE_POSITIVE = "false_positive", "False positive"
    DUPLICATE = "duplicate", "Duplicate"
    TEST = "test", "Test"
    OTHER = "other", "Other"


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


class FindingGroupQuerySet(QuerySet["FindingGroup"]):
    def for_list(self) -> FindingGroupQuerySet:
        """Last seen first; the order that keyset pages continue."""
        return self.select_related("account").order_by("-last_seen_at", "-pk")


class FindingGroup(models.Model):
    """Findings of one rule about one person and one target: what is worked on as one.

    `fingerprint` is that of findings.fingerprint. Numbers and times are of active findings and kept by findings.groups.
    `priority` is the worst, `tag_set` that of the latest finding.
    """

    fingerprint = models.CharField(max_length=72, unique=True)
    rule = models.CharField(max_length=256)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="finding_groups")
    region = models.CharField(max_length=32, blank=True)
    person = models.CharField(max_length=256, blank=True)
    cluster = models.CharField(max_length=256, blank=True)
    target = models.CharField(max_length=256, blank=True, help_text="Container, or service, in the cluster")
    priority = models.PositiveSmallIntegerField(choices=Priority)
    tag_set = models.ForeignKey(TagSet, on_delete=models.PROTECT, related_name="+")
    count = models.PositiveBigIntegerField(default=0)
    open_count = models.PositiveBigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    reopened_at = models.DateTimeField(null=True, help_text="When something in it was open again, after nothing was")
    is_open = models.GeneratedField(
        expression=ExpressionWrapper(Q(open_count__gt=0), BOOLEAN), output_field=models.BooleanField(), db_persist=True
    )

    objects = FindingGroupQuerySet.as_manager()

    class Meta:
        indexes = [
            # the list, and that of groups with work left, continued by the keyset
            models.Index(fields=["-last_seen_at", "-id"], name="finding_group_newest"),
            models.Index(fields=["-last_seen_at", "-id"], name="finding_group_open", condition=Q(is_open=True)),
            models.Index(fields=["rule", "-last_seen_at", "-id"], name="finding_group_by_rule"),
            # the list of one person's groups, and the findings of one person
            models.Index(fields=["person", "-last_seen_at", "-id"], name="finding_group_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.person} → {self.cluster}/{self.target}"


class Suppression(models.Model):
    """A group whose findings nobody wants to see until something changes; later findings of it are born suppressed.

    It ends at `until_at`, with the finding that makes the group's count reach `until_count`, or when the rule's text is no
    longer `while_version`; those that are null don't end it. An ended one says in `ended_because` why. `bulk` is the action
    that made it, `instead_of` the one whose place it took: both for whoever takes the action back.
    """

    group = models.ForeignKey(FindingGroup, on_delete=models.CASCADE, related_name="suppressions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)
    until_count = models.PositiveBigIntegerField(null=True)
    while_version = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=16, choices=CloseReason)
    text = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=256, blank=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    is_opening = models.BooleanField(default=False, help_text="It ended, and its findings are still to be opened")
    bulk = models.ForeignKey("BulkAction", on_delete=models.SET_NULL, null=True, related_name="suppressions")
    instead_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group"], condition=Q(ended_at__isnull=True), name="suppression_one_in_force_per_group"
            )
        ]
        indexes = [
            # those that a date ends, asked for every few seconds
            models.Index(fields=["until_at"], condition=Q(ended_at__isnull=True), name="suppression_due"),
            # those whose findings are still to be opened, asked for every few seconds, and of a group
            models.Index(fields=["group"], condition=Q(is_opening=True), name="suppression_opening"),
        ]

    def __str__(self) -> str:
        return f"{self.group}"


class FindingQuerySet(QuerySet["Finding"]):
    def active(self) -> FindingQuerySet:
        """Those that count."""
        return self.filter(record_state=RecordState.ACTIVE)

    def open(self) -> FindingQuerySet:
        """Those that somebody still has to look at."""
        return self.filter(is_open=True)

    def for_list(self) -> FindingQuerySet:
        """Newest first, with session and account; the order that keyset pages continue."""
        return self.select_related("account", "session").order_by("-event_time", "-pk")

    def count_up_to(self, limit: int) -> int:
        """The number of rows, or `limit` when there are more: so that no screen counts a whole table."""
        return self.order_by().values("pk")[:limit].count()

    def for_detail(self) -> FindingQuerySet:
        return self.select_related(
            "account",
            "session",
            "event",
            "event__body",
            "rule_version",
            "rule_set",
            "tag_set",
            "archived_by",
            "group",
            "assignee",
        )


class Finding(models.Model):
    """One rule that matched one event. Rule, priority, tags and output are kept as they were when it matched.

    `rule_version` is the text that had the last word on the rule, `rule_set` the whole that judged, `archived_by` the one
    in which the rule no longer matched. Findings of ecsaudit's own (see findings.own) have neither event nor account.

    `revision` grows with every change; `hub_is_stale` says that Security Hub was not told of the latest.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="findings")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, related_name="findings")
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

    group = models.ForeignKey(FindingGroup, on_delete=models.CASCADE, related_name="findings")
    workflow_status = models.CharField(max_length=16, choices=WorkflowStatus, default=WorkflowStatus.NEW)
    close_reason = models.CharField(max_length=16, choices=CloseReason, blank=True)
    suppression = models.ForeignKey(Suppression, on_delete=models.SET_NULL, null=True, related_name="findings")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="findings"
    )
    steps_done = models.JSONField(default=list, help_text="Numbers of the runbook's steps that are ticked")
    updated_at = models.DateTimeField(default=timezone.now)
    revision = models.PositiveBigIntegerField(default=1)
    hub_is_stale = models.BooleanField(default=True)
    is_open = models.GeneratedField(
        expression=ExpressionWrapper(IS_OPEN, BOOLEAN), output_field=models.BooleanField(), db_persist=True
    )

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
                condition=Q(record_state=RecordState.ARCHIVED),
            ),
            # What the list shows at first: what is open, few among many, however it is filtered.
            *(
                models.Index(
                    fields=[*first, "-event_time", "-id"], name=f"finding_open{name}", condition=Q(is_open=True)
                )
                for name, first in (
                    ("", []),
                    ("_by_rule", ["rule"]),
                    ("_by_priority", ["priority"]),
                    ("_by_account", ["account"]),
                    ("_by_region", ["region"]),
                    ("_by_tag_set", ["tag_set"]),
                    ("_by_assignee", ["assignee"]),
                )
            ),
            # the findings of a group, and whether it has an open one
            models.Index(fields=["group", "-event_time", "-id"], name="finding_of_group"),
            models.Index(
                fields=["group", "-event_time", "-id"], name="finding_open_of_group", condition=Q(is_open=True)
            ),
            # what Security Hub is still to be told, by account and Region
            models.Index(fields=["account", "region", "id"], name="finding_for_hub", condition=Q(hub_is_stale=True)),
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


class BulkState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    FAILED = "failed", "Failed"


BULK_UNFINISHED = (BulkState.WAITING, BulkState.RUNNING)


class BulkActionQuerySet(QuerySet["BulkAction"]):
    def unfinished(self) -> BulkActionQuerySet:
        return self.filter(state__in=BULK_UNFINISHED)

    def due(self, now: datetime) -> BulkActionQuerySet:
        """Those that a worker should turn to: unfinished, and nobody holds them."""
        return self.unfinished().filter(Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now))

    def for_list(self) -> BulkActionQuerySet:
        """Newest first, with who asked, and what took it back."""
        return self.select_related("by", "undone_by", "undo_of").order_by("-pk")


class BulkAction(models.Model):
    """One change asked for many findings at once, or the taking back of such a change (`undo_of`).

    `change` is that of triage.as_data, `selection` that of selection.as_data: which findings. It reaches findings up to
    `newest_finding` (an id), newest first; `at_time` and `at_id` say how far it got. An undo goes through the lines of the
    history instead, `at_id` is that of the last line. Holds its own lease, as a Replay does.
    """

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="bulk_actions")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    change = models.JSONField()
    address = models.TextField(blank=True, help_text="The filter, as it stands in the list's address")
    selection = models.JSONField(default=dict)
    newest_finding = models.BigIntegerField(default=0)
    undo_of = models.OneToOneField("self", on_delete=models.CASCADE, null=True, related_name="undone_by")
    state = models.CharField(max_length=12, choices=BulkState, default=BulkState.WAITING)
    failure = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    at_time = models.DateTimeField(null=True)
    at_id = models.BigIntegerField(null=True)
    total = models.BigIntegerField(null=True)
    changed = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)

    objects = BulkActionQuerySet.as_manager()

    class Meta:
        indexes = [
            # those that wait for a worker, asked for every few seconds
            models.Index(
                fields=["id"],
                condition=Q(state__in=BULK_UNFINISHED),
                name="bulk_action_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"Bulk action {self.pk}"

    @property
    def is_unfinished(self) -> bool:
        return self.state in BULK_UNFINISHED

    @property
    def percent(self) -> int:
        """How much is done, as far as it is known how much there is."""
        if not self.is_unfinished:
            return 100
        return min(100, (self.changed + self.unchanged) * 100 // self.total) if self.total else 0

    @property
    def can_be_undone(self) -> bool:
        """What was written stays written, and an undo is not undone."""
        return self.undo_of_id is None and self.change["change"] != "comment" and not hasattr(self, "undone_by")


class Action(models.TextChoices):
    """What happened to a finding."""

    STATUS = "status", "Workflow status"
    ASSIGNED = "assigned", "Assignee"
    COMMENT = "comment", "Comment"
    STEP = "step", "Runbook"
    ARCHIVED = "archived", "Archived"
    UNARCHIVED = "unarchived", "Opened again"
    RECURRED = "recurred", "Came back"
    UNDONE = "undone", "Taken back"


class Activity(models.Model):
    """One line of a finding's history; never changed. `by` is null where ecsaudit itself did it.

    `before` and `after` hold the columns that changed. `text` is what the person wrote, or why.
    """

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="activities")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=16, choices=Action)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    text = models.TextField(blank=True)
    bulk = models.ForeignKey(BulkAction, on_delete=models.SET_NULL, null=True, related_name="activities")

    class Meta:
        verbose_name_plural = "activities"
        indexes = [
            # a finding's history in its order
            models.Index(fields=["finding", "id"], name="activity_of_finding"),
            # what one bulk action did, to take it back
            models.Index(fields=["bulk", "id"], name="activity_of_bulk", condition=Q(bulk__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.at:%Y-%m-%d %H:%M}"
