"""The one service through which people, and ecsaudit itself, work on findings: from a screen, in bulk, or when time is up.

Every change is a line of the finding's history, and is told to Security Hub by whoever reads `hub_is_stale`.

TriageError             what was asked can't be done; its text says what to do
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet

from ecsaudit.findings import groups
from ecsaudit.findings.models import (
    FINISHED,
    UNFINISHED,
    Action,
    Activity,
    BulkAction,
    CloseReason,
    Finding,
    FindingGroup,
    RecordState,
    Suppression,
    WorkflowStatus,
)
from ecsaudit.people.models import User

# Columns that a change may touch; those of the bookkeeping are added to each.
COLUMNS = ("workflow_status", "close_reason", "suppression_id", "assignee_id", "steps_done")
BOOKKEEPING = ("updated_at", "revision", "hub_is_stale")
BATCH = 500
LONGEST_TEXT = 10_000


class TriageError(ValueError):
    """What was asked can't be done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many findings were changed, and how many were already so, or are gone."""

    changed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Open again (new, notified), or finish (suppressed, resolved), which needs a reason; “other” needs a text."""

    action: ClassVar[Action] = Action.STATUS
    status: str
    reason: str = ""
    text: str = ""

    def check(self) -> None:
        if self.status not in WorkflowStatus:
            raise TriageError(f"{self.status!r} is no workflow status; use one of {', '.join(WorkflowStatus)}")
        if self.status in FINISHED:
            check_reason(self.reason, self.text)

    def columns(self, finding: Finding) -> dict[str, Any]:
        reason = self.reason if self.status in FINISHED else ""
        return {"workflow_status": self.status, "close_reason": reason, "suppression_id": None}


@dataclass(frozen=True, slots=True)
class Assign:
    """To somebody by the id of the user, or to nobody."""

    action: ClassVar[Action] = Action.ASSIGNED
    assignee_id: int | None
    text: str = ""

    def check(self) -> None:
        if self.assignee_id is not None and not User.objects.filter(pk=self.assignee_id, is_active=True).exists():
            raise TriageError("nobody with this number can be assigned to; choose somebody from the list")

    def columns(self, finding: Finding) -> dict[str, Any]:
        return {"assignee_id": self.assignee_id}


@dataclass(frozen=True, slots=True)
class Comment:
    action: ClassVar[Action] = Action.COMMENT
    text: str

    def check(self) -> None:
        if not self.text.strip():
            raise TriageError("a comment needs a text")

    def columns(self, finding: Finding) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class Tick:
    """Tick a step of the runbook (by its number, from 1), or take the tick away."""

    action: ClassVar[Action] = Action.STEP
    step: int
    done: bool
    text: str = ""

    def check(self) -> None:
        if self.step < 1:
            raise TriageError("a runbook's steps are counted from 1")

    def columns(self, finding: Finding) -> dict[str, Any]:
        steps = {*finding.steps_done, self.step} if self.done else {*finding.steps_done} - {self.step}
        return {"steps_done": sorted(steps)}


@dataclass(frozen=True, slots=True)
class Suppress:
    """Suppress the findings' groups: these findings, and later ones, until a time (ISO 8601), until so many more have come,
    or as long as the rule's text stays what it is."""

    action: ClassVar[Action] = Action.STATUS
    reason: str
    text: str = ""
    until_at: str = ""
    more: int = 0
    while_rule_stays: bool = False

    def check(self) -> None:
        check_reason(self.reason, self.text)
        if not (self.until_at or self.more or self.while_rule_stays):
            raise TriageError(
                "say until when to suppress: a date, a number of further findings, or a change of the rule"
            )
        if self.more < 0:
            raise TriageError("the number of further findings can't be negative")
        if self.until_at and moment(self.until_at) is None:
            raise TriageError(f"{self.until_at!r} is no time; write it as 2026-12-31T18:00:00Z")

    def columns(self, finding: Finding) -> dict[str, Any]:
        return {"workflow_status": WorkflowStatus.SUPPRESSED.value, "close_reason": self.reason}


@dataclass(frozen=True, slots=True)
class Undo:
    """Give each finding back what one bulk action took, unless somebody changed it since."""

    action: ClassVar[Action] = Action.UNDONE
    bulk_id: int
    text: str = ""
    before: dict[int, dict[str, Any]] = field(default_factory=dict)

    def check(self) -> None:
        """Nothing is asked of the person."""

    def columns(self, finding: Finding) -> dict[str, Any]:
        return self.before.get(finding.pk, {})


Change = SetStatus | Assign | Comment | Tick | Suppress | Undo
CHANGES: dict[str, type[Change]] = {
    "status": SetStatus, "assign": Assign, "comment": Comment, "tick": Tick, "suppress": Suppress, "undo": Undo,
}  # fmt: skip


def as_data(change: Change) -> dict[str, Any]:
    """The change as JSON, for a BulkAction."""
    name = next(name for name, kind in CHANGES.items() if type(change) is kind)
    data = asdict(change)
    data.pop("before", None)
    return {"change": name} | data


def from_data(data: Mapping[str, Any]) -> Change:
    columns = dict(data)
    return CHANGES[columns.pop("change")](**columns)


def check_reason(reason: str, text: str) -> None:
    if reason not in CloseReason:
        raise TriageError(f"choose a reason: {', '.join(CloseReason.labels)}")
    if reason == CloseReason.OTHER and not text.strip():
        raise TriageError("“other” needs a text that says what")


def moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def apply(
    *, finding_ids: Collection[int], change: Change, by: User | None, now: datetime, bulk: BulkAction | None = None
) -> Outcome:
    """Make one change to these findings, in one transaction; `by` is None where ecsaudit itself does it.

    TriageError says why the change can't be made; then nothing is changed. Findings that are so already get no line, but
    a comment is always one.
    """
    change.check()
    if len(change.text) > LONGEST_TEXT:
        raise TriageError(f"the text has {len(change.text):,} characters; {LONGEST_TEXT:,} are allowed")
    with transaction.atomic():
        found = locked(Finding.objects.filter(pk__in=finding_ids))
        if isinstance(change, Undo):
            change = with_before(change, found)
        suppressions = suppress_groups(change, found, by, now) if isinstance(change, Suppress) else {}
        lines, steps = [], Steps()
        for finding in found:
            columns = change.columns(finding)
            if suppressions:
                columns["suppression_id"] = suppressions[finding.group_id].pk
            line = changed(finding, columns, now, steps)
            if line is None and not isinstance(change, Comment):
                continue
            before, after = line or ({}, {})
            lines.append(
                Activity(
                    finding=finding, at=now, by=by, action=change.action,
                    before=before, after=after, text=change.text, bulk=bulk,
                )
            )  # fmt: skip
        write([line.finding for line in lines], lines, steps, now)
    return Outcome(changed=len(lines), unchanged=len(finding_ids) - len(lines))


def locked(findings: QuerySet[Finding]) -> list[Finding]:
    """These findings, locked in one order for everybody."""
    return list(findings.select_for_update(of=("self",)).order_by("pk"))


class Steps(defaultdict[int, groups.Step]):
    """What changes do to the numbers of groups, by the group's id."""

    def __init__(self) -> None:
        super().__init__(groups.Step)


def is_open(finding: Finding) -> bool:
    """As the database will have it, from the columns as they are now."""
    return finding.record_state == RecordState.ACTIVE and finding.workflow_status in UNFINISHED


def changed(
    finding: Finding, columns: Mapping[str, Any], now: datetime, steps: Steps
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Set columns on a finding in memory; returns what they were and are where that differs, None where nothing does."""
    after = {name: value for name, value in columns.items() if getattr(finding, name) != value}
    if not after:
        return None
    before = {name: getattr(finding, name) for name in after}
    was_open = is_open(finding)
    for name, value in after.items():
        setattr(finding, name, value)
    touch(finding, now)
    steps[finding.group_id].open_count += is_open(finding) - was_open
    return before, after


def touch(finding: Finding, now: datetime) -> None:
    """Note, in memory, that a finding is not what it was."""
    finding.updated_at, finding.revision, finding.hub_is_stale = now, finding.revision + 1, True


def write(findings: Sequence[Finding], lines: Sequence[Activity], steps: Steps, now: datetime) -> None:
    Finding.objects.bulk_update(
        findings, [*(name.removesuffix("_id") for name in COLUMNS), *BOOKKEEPING], batch_size=BATCH
    )
    Activity.objects.bulk_create(lines, batch_size=BATCH)
    groups.count(steps, now)


def suppress_groups(
    change: Suppress, found: Sequence[Finding], by: User | None, now: datetime
) -> dict[int, Suppression]:
    """One suppression in force for each group of these findings, in place of one that was; returns group id → suppression."""
    versions = {finding.group_id: finding.rule_version_id for finding in found}
    in_force = Suppression.objects.filter(group__in=versions, ended_at__isnull=True)
    in_force.update(ended_at=now, ended_because="another one took its place")
    made = Suppression.objects.bulk_create(
        Suppression(
            group_id=group.pk,
            by=by,
            created_at=now,
            until_at=moment(change.until_at) if change.until_at else None,
            until_count=group.count + change.more if change.more else None,
            while_version_id=versions[group.pk] if change.while_rule_stays else None,
            reason=change.reason,
            text=change.text,
        )
        for group in FindingGroup.objects.select_for_update().filter(pk__in=versions).order_by("pk")
    )
    return {suppression.group_id: suppression for suppression in made}


def with_before(change: Undo, found: Sequence[Finding]) -> Undo:
    """The change with what each finding had before the bulk action, where that was the last that happened to it."""
    last: dict[int, Activity] = {}
    for line in Activity.objects.filter(finding__in=found).order_by("pk"):
        last[line.finding_id] = line
    before = {pk: line.before for pk, line in last.items() if line.bulk_id == change.bulk_id}
    return Undo(change.bulk_id, change.text, before)


def note_notified(*, finding_ids: Collection[int], now: datetime, text: str) -> Outcome:
    """A message about these findings was accepted: those that are new are notified. `text` says by whom."""
    new = Finding.objects.filter(pk__in=finding_ids, workflow_status=WorkflowStatus.NEW)
    ids = list(new.values_list("pk", flat=True))
    return apply(finding_ids=ids, change=SetStatus(WorkflowStatus.NOTIFIED, text=text), by=None, now=now)


def end_suppressions(now: datetime) -> int:
    """End the suppressions whose time is up; their findings are open again. Returns how many ended."""
    due = Suppression.objects.filter(ended_at__isnull=True, until_at__lte=now).order_by("pk")
    ended = 0
    for suppression in due[:BATCH]:
        ended += end(suppression, because=f"its time was up at {suppression.until_at:%Y-%m-%d %H:%M} UTC", now=now)
    return ended


def end(suppression: Suppression, *, because: str, now: datetime, by: User | None = None) -> bool:
    """End one suppression, once, and open what it suppressed; returns whether it was in force."""
    with transaction.atomic():
        found = locked(suppression.findings.filter(workflow_status=WorkflowStatus.SUPPRESSED))
        in_force = Suppression.objects.filter(pk=suppression.pk, ended_at__isnull=True)
        if not in_force.update(ended_at=now, ended_because=because):
            return False
        lines, steps = [], Steps()
        for finding in found:
            columns = {"workflow_status": WorkflowStatus.NEW.value, "close_reason": "", "suppression_id": None}
            before, after = changed(finding, columns, now, steps) or ({}, {})
            text = f"The suppression ended: {because}"
            lines.append(
                Activity(finding=finding, at=now, by=by, action=Action.RECURRED, before=before, after=after, text=text)
            )
        write(found, lines, steps, now)
    return True
