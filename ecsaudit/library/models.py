"""The rule library: shipped texts, what people made of them, and the rule sets that came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.models import Max, Q, QuerySet
from django.urls import reverse

from ecsaudit.cloudtrail.models import Event, EventBody
from ecsaudit.cloudtrail.record import storable

Files = list[tuple[str, str]]
# What tells one rule set from another, also after a database was put back to an older state.
Key = tuple[int, datetime]


class Kind(models.TextChoices):
    """What an item of a rule file is."""

    LIST = "list", "List"
    MACRO = "macro", "Macro"
    RULE = "rule", "Rule"


class Layer(models.TextChoices):
    """Where a text of an item comes from; the later stand on the earlier."""

    SHIPPED = "shipped", "Shipped"
    OWN = "own", "Own"
    OVERLAY = "overlay", "Customised"
    # Its text is a Mode.
    SWITCH = "switch", "Switched"
    # Its text is made of the rule's RuleExceptions in force.
    EXCEPTIONS = "except", "Exceptions"


# Layers that hold no text that somebody writes.
MADE_LAYERS = (Layer.SWITCH, Layer.EXCEPTIONS)


class Mode(models.TextChoices):
    """Whether a rule judges. A rule in the shadow or off is counted, and makes no findings.

    CloudTrail is asked for what rules in the shadow can match, not for what rules that are off can.
    """

    ON = "on", "On"
    SHADOW = "shadow", "Shadow"
    OFF = "off", "Off"


class VersionQuerySet(QuerySet["Version"]):
    def current(self) -> VersionQuerySet:
        """The texts in force: of each item at most one a layer."""
        return self.filter(is_current=True).exclude(text="").order_by("pk")

    def newest(self) -> int:
        """The id of the newest version, 0 for none: it grows with every change of the library."""
        return self.aggregate(newest=Max("pk"))["newest"] or 0

    def history(self, kind: str, name: str) -> VersionQuerySet:
        """All versions of an item, newest first."""
        return self.filter(kind=kind, name=name).select_related("author").order_by("-number")


class Version(models.Model):
    """One text of one item in one layer, from when it was saved until the next of that layer. An empty text: removed.

    `number` counts all versions of the item; `based_on` is the shipped version that an overlay was written for.
    """

    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=256)
    layer = models.CharField(max_length=8, choices=Layer)
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    message = models.CharField(max_length=500)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    is_current = models.BooleanField(default=True)
    based_on = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "name", "number"], name="version_number_once_per_item"),
            models.UniqueConstraint(
                fields=["kind", "name", "layer"], condition=Q(is_current=True), name="version_current_once_per_layer"
            ),
        ]
        indexes = [
            # Everything in force, which makes the rule set.
            models.Index(fields=["id"], condition=Q(is_current=True), name="version_current"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}, version {self.number}"


class RuleSet(models.Model):
    """A rule set as it judged, or was tried: files in loading order, and beside them what Falco's files can't say.

    `files` are [name, text] pairs, `modes` {rule: Mode} where somebody switched it, `versions` {rule: id of the Version
    that had the last word on its text}.
    """

    created_at = models.DateTimeField(auto_now_add=True)
    files = models.JSONField()
    modes = models.JSONField(default=dict)
    versions = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"Rule set {self.pk}"

    @property
    def pairs(self) -> Files:
        return pairs(self.files)

    @property
    def key(self) -> Key:
        return self.pk, self.created_at


class Library(models.Model):
    """The one row that says which rule set judges. `problems` are those of newer texts that can't be used.

    `shipped` are the files of the rules folder as they were taken in last. Whoever changes the library locks this row
    first.
    """

    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, null=True, related_name="+")
    shipped = models.JSONField(default=list)
    problems = models.JSONField(default=list)

    def __str__(self) -> str:
        return "Rule library"

    @property
    def shipped_files(self) -> Files:
        return pairs(self.shipped)

    @classmethod
    def locked(cls) -> Library:
        """The row, locked until the transaction ends."""
        cls.objects.get_or_create(pk=1)
        return cls.objects.select_for_update().get(pk=1)

    @classmethod
    def hold(cls) -> None:
        """Keep the rules as they are until the transaction ends. Many may hold them; whoever changes them waits.

        So a change finds every event judged by the rules before it stored, and none stored that they still will judge.
        """
        # SQLite's write transactions come one after another anyway.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT id FROM {cls._meta.db_table} WHERE id = 1 FOR SHARE")


class ImportDraft(models.Model):
    """Uploaded rule files, from when they were looked at until they are imported. `files` are [name, text] pairs."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    files = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Import {self.pk}"

    @property
    def pairs(self) -> Files:
        return pairs(self.files)


class QuietCount(models.Model):
    """How many of a day's events a rule matched that makes no findings: in the shadow, or off."""

    rule = models.CharField(max_length=256)
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "day"], name="quiet_count_once")]

    def __str__(self) -> str:
        return f"{self.rule} {self.day}: {self.count}"


class RuleTest(models.Model):
    """A record that somebody kept to try a rule with: the rule must match it, or must not.

    `digest` is the SHA-256 of the record's bytes, so that a record tries a rule once.
    """

    rule = models.CharField(max_length=256)
    matches = models.BooleanField()
    why = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64)
    compressed = models.BinaryField(help_text="CloudTrail's text, as in EventBody")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        # Also finds the tests of a rule.
        constraints = [models.UniqueConstraint(fields=["rule", "digest"], name="rule_test_once_per_record")]

    def __str__(self) -> str:
        return f"{self.rule} {'matches' if self.matches else 'does not match'} {self.digest[:12]}"

    @property
    def record(self) -> str:
        """CloudTrail's text."""
        return EventBody.decompress(self.compressed)


class ExceptionState(models.TextChoices):
    ACTIVE = "active", "In force"
    EXPIRED = "expired", "Expired"
    WITHDRAWN = "withdrawn", "Withdrawn"


class RuleExceptionQuerySet(QuerySet["RuleException"]):
    def in_force(self) -> RuleExceptionQuerySet:
        """In the order in which they stand in the rule set."""
        return self.filter(state=ExceptionState.ACTIVE).order_by("pk")

    def due(self, now: datetime) -> RuleExceptionQuerySet:
        """Those in force whose time is up."""
        return self.in_force().filter(expires_at__lte=now)

    def for_list(self) -> RuleExceptionQuerySet:
        """Newest first, with the people."""
        return self.select_related("created_by", "ended_by").order_by("-pk")


class RuleException(models.Model):
    """What a rule leaves out for a while, as an exception of Falco called `name`, and who answers for it.

    `terms` are those of exception_texts.Term, all of which must hold. `made_from` is the id of a finding. `archived` counts
    the findings that it ever archived, `kept_out` those that it kept from being made; `last_matched_at` is when the newest
    event of either happened. `preview` is what it would have hidden when it was made, as exceptions.seen in replay tells;
    null: nobody looked.
    """

    rule = models.CharField(max_length=256)
    name = models.CharField(max_length=64, unique=True)
    terms = models.JSONField()
    owner = models.CharField(max_length=150)
    reason = models.CharField(max_length=500)
    made_from = models.BigIntegerField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    why_no_expiry = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=12, choices=ExceptionState, default=ExceptionState.ACTIVE)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    archived = models.PositiveBigIntegerField(default=0)
    kept_out = models.PositiveBigIntegerField(default=0)
    last_matched_at = models.DateTimeField(null=True)
    preview = models.JSONField(null=True)

    objects = RuleExceptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__isnull=False) | ~Q(why_no_expiry=""), name="exception_expires_or_says_why_not"
            ),
        ]
        indexes = [
            # the list, those in force or all, continued by the keyset
            models.Index(fields=["state", "-created_at", "-id"], name="exception_of_state_newest"),
            models.Index(fields=["-created_at", "-id"], name="exception_newest"),
            # those of a rule, for its page and its text
            models.Index(fields=["rule", "id"], name="exception_of_rule"),
            # those that are due, asked for every few seconds
            models.Index(
                fields=["expires_at"], condition=Q(state=ExceptionState.ACTIVE), name="exception_in_force_by_expiry"
            ),
        ]

    def __str__(self) -> str:
        return f"Exception {self.pk} of {self.rule}"

    def get_absolute_url(self) -> str:
        return reverse("exception", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state == ExceptionState.ACTIVE

    @property
    def hid(self) -> int:
        """How many findings it ever hid."""
        return self.archived + self.kept_out


class HiddenEvent(models.Model):
    """An event that an exception kept from being found: without its exceptions the rule had made a finding of it."""

    exception = models.ForeignKey(RuleException, on_delete=models.CASCADE, related_name="hidden_events", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            # Also finds all that one hid, in the order of the events' ids.
            models.UniqueConstraint(fields=["exception", "event"], name="hidden_event_once"),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} by exception {self.exception_id}"


class ExceptionAction(models.TextChoices):
    MADE = "made", "Made"
    IMPORTED = "imported", "Imported"
    EXTENDED = "extended", "Expiry changed"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


class ExceptionLine(models.Model):
    """One line of an exception's history; never changed. `by` is null where ecsaudit itself did it."""

    exception = models.ForeignKey(RuleException, on_delete=models.CASCADE, related_name="history")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=12, choices=ExceptionAction)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.at:%Y-%m-%d %H:%M}"


def pairs(files: list[list[str]]) -> Files:
    """Files as JSON keeps them, as the engine takes them."""
    return [(name, text) for name, text in files]


def problem_row(problem: Any) -> dict[str, Any]:
    """A problem of the engine as it is kept."""
    return {
        "code": problem.code,
        "message": storable(problem.message or problem.hint),
        "hint": storable(problem.hint) if problem.message else "",
        "file": storable(problem.file),
        "line": problem.line,
        "column": problem.column,
        "rule": storable(problem.rule_name or problem.item_name),
    }
