"""Stored events judged again: to try a draft, to apply rules to the past, to count what rules without findings match.

Replay (what is asked, how far it got, what came of it; holds the lease) ─< ReplayMatch
Hidden (an archived finding, and the exception that archived it)
CountedRules (up to which rule set the counts of rules without findings follow)
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from ecsaudit.cloudtrail.models import Event
from ecsaudit.findings.models import Finding
from ecsaudit.library.models import Kind, Layer, RuleException, RuleSet


class Purpose(models.TextChoices):
    TRY = "try", "Draft tried"
    APPLY = "apply", "Applied to the past"
    COUNT = "count", "Counted again"


class Scope(models.TextChoices):
    """What applying to the past touches."""

    OPEN = "open", "Findings that exist"
    ALL = "all", "Findings that exist, and events without one"
    BACK = "back", "What an exception hid"


class State(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


UNFINISHED = (State.WAITING, State.RUNNING)
STOPPED = (State.CANCELLED, State.FAILED)


class Stage(models.TextChoices):
    """What is read now. Only applying reads findings, before it reads events; bringing back, those that are archived."""

    FINDINGS = "findings", "Findings"
    ARCHIVED = "archived", "Archived findings"
    EVENTS = "events", "Events"


class Change(models.TextChoices):
    """What a draft makes of a match."""

    NEW = "new", "New"
    GONE = "gone", "Gone"
    UNCHANGED = "unchanged", "Unchanged"


class ReplayQuerySet(QuerySet["Replay"]):
    def unfinished(self) -> ReplayQuerySet:
        return self.filter(state__in=UNFINISHED)

    def due(self, now: datetime) -> ReplayQuerySet:
        """Those that a worker should turn to: nobody holds them, and rules are applied in the order of their asking."""
        free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now)
        earlier = Replay.objects.unfinished().filter(purpose=Purpose.APPLY, pk__lt=OuterRef("pk"))
        return self.unfinished().filter(free).exclude(Q(purpose=Purpose.APPLY) & Exists(earlier))

    def for_list(self) -> ReplayQuerySet:
        """Newest first; counts that went well are nothing to look at."""
        return self.exclude(purpose=Purpose.COUNT, state=State.DONE).select_related("author").order_by("-pk")

    def stopped_back(self, until: datetime) -> ReplayQuerySet:
        """Those that should have brought back what an exception hid, and ended before they had, up to a time; each
        exception's last."""
        later = Replay.objects.filter(scope=Scope.BACK, exception=OuterRef("exception"), pk__gt=OuterRef("pk"))
        stopped = self.filter(scope=Scope.BACK, state__in=STOPPED, finished_at__lte=until)
        return stopped.exclude(Exists(later)).select_related("exception")

    def applied_to_all(self) -> dict[str, datetime]:
        """The rules that were applied to all stored events, each with when that was asked for last."""
        rows = self.filter(purpose=Purpose.APPLY, scope=Scope.ALL, state=State.DONE).order_by("pk")
        return {rule: at for names, at in rows.values_list("rules", "created_at") for rule in names}

    def for_detail(self) -> ReplayQuerySet:
        return self.select_related("author", "rule_set", "draft", "exception")


class Replay(models.Model):
    """One pass over stored events, newest first within each event name, from the newest that was stored when it began.

    `rule_set` are the rules in force: they judge, or the draft is compared with them. `draft` is the whole rule set with
    the text of `kind`, `name` and `layer` in it. `rules` are the names of the rules that are judged, `event_names` what
    they can match. Of later events than `newest_event` (an id) ingest takes care.

    `exception` is the one whose hiding is applied (findings that exist), or whose end is (what it hid).
    """

    purpose = models.CharField(max_length=8, choices=Purpose)
    scope = models.CharField(max_length=4, choices=Scope, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, null=True, related_name="+")
    draft = models.ForeignKey(RuleSet, on_delete=models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind, blank=True)
    name = models.CharField(max_length=256, blank=True)
    layer = models.CharField(max_length=8, choices=Layer, blank=True)
    text = models.TextField(blank=True)
    rules = models.JSONField(default=list)
    event_names = models.JSONField(default=list)
    newest_event = models.BigIntegerField(default=0)
    since = models.DateTimeField(null=True, help_text="Only events from then on; null: all that are stored")
    exception = models.ForeignKey(RuleException, on_delete=models.CASCADE, null=True, related_name="replays")

    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    failure = models.TextField(blank=True)
    cancel_requested = models.BooleanField(default=False)
    # Turns in a row that were taken and brought nothing.
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True)

    # Where it stands: after the event or finding with this time and id, of this one of `event_names`.
    stage = models.CharField(max_length=8, choices=Stage, default=Stage.EVENTS)
    at_name = models.PositiveIntegerField(default=0)
    at_time = models.DateTimeField(null=True)
    at_id = models.BigIntegerField(null=True)
    total = models.BigIntegerField(null=True)
    done = models.BigIntegerField(default=0)
    # Of a draft: matches. When applied: findings made or opened again, archived, and left as they are.
    new = models.BigIntegerField(default=0)
    gone = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    # Of a draft: the findings of matches that would be gone, and those that somebody closed as true positives.
    gone_findings = models.BigIntegerField(default=0)
    gone_confirmed = models.BigIntegerField(default=0)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        indexes = [
            # for due(), asked every few seconds
            models.Index(fields=["id"], condition=Q(state__in=UNFINISHED), name="replay_unfinished"),
            # for stopped_back(), asked as often
            models.Index(
                fields=["finished_at"],
                condition=Q(scope=Scope.BACK, state__in=STOPPED),
                name="replay_back_stopped",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.name or ', '.join(self.rules[:3])}"

    def get_absolute_url(self) -> str:
        return reverse("replay", args=[self.pk])

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def can_be_cancelled(self) -> bool:
        return self.is_unfinished and self.purpose != Purpose.COUNT and self.scope != Scope.BACK

    @property
    def brings_back_later(self) -> bool:
        """Whether it came to a stop before what an exception hid was back, so that another goes on: see stopped_back."""
        return self.scope == Scope.BACK and self.state in STOPPED

    @property
    def percent(self) -> int:
        """How much is done, as far as it is known how much there is."""
        if self.state == State.DONE:
            return 100
        return min(100, self.done * 100 // self.total) if self.total else 0


class ReplayMatchQuerySet(QuerySet["ReplayMatch"]):
    def for_list(self) -> ReplayMatchQuerySet:
        """With account and, where there is one, the session that the event belongs to."""
        return self.select_related("event__account", "event__session_event__session")

    def for_detail(self) -> ReplayMatchQuerySet:
        return self.select_related(
            "event__account", "event__body", "event__session_event__session", "replay__rule_set", "replay__draft"
        )


class ReplayMatch(models.Model):
    """One event that a rule matches before or after the draft: kept up to a number, to be looked at."""

    replay = models.ForeignKey(Replay, on_delete=models.CASCADE, related_name="matches")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="+")
    event_time = models.DateTimeField()
    rule = models.CharField(max_length=256)
    change = models.CharField(max_length=12, choices=Change)

    objects = ReplayMatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["replay", "event", "rule"], name="replay_match_once"),
        ]
        indexes = [
            # the page's list of one change, continued by the keyset
            models.Index(fields=["replay", "change", "-event_time", "-id"], name="replay_match_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.change} {self.rule}"

    def get_absolute_url(self) -> str:
        return reverse("replay-match", args=[self.replay_id, self.pk])


class Hidden(models.Model):
    """A finding that is archived because an exception applies to its event; several may. Gone when it is back."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="hidden", db_index=False)
    # Also finds all that one archived.
    exception = models.ForeignKey(RuleException, on_delete=models.CASCADE, related_name="hidden")

    class Meta:
        constraints = [
            # Also finds all that hide one finding.
            models.UniqueConstraint(fields=["finding", "exception"], name="hidden_once"),
        ]

    def __str__(self) -> str:
        return f"finding {self.finding_id} by exception {self.exception_id}"


class CountedRules(models.Model):
    """The one row that says up to which rule set QuietCounts follow the rules."""

    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"counted up to rule set {self.rule_set_id}"
