"""The one service through which people, and ecsaudit itself, work on findings: from a screen, in bulk, or when time is up.

Every change is a line of the finding's history, and is told to Security Hub by whoever reads `hub_is_stale`.

Order of locks, for everybody: a bulk action, suppressions, findings, groups, each by id. Who changes several findings in
several steps locks all of them, and then all of their groups, before the first.

TriageError             what was asked can't be done; its text says what to do
└── ChangedMeanwhile    the finding is no longer what the person saw
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ecsaudit.findings import groups
from ecsaudit.findings.models import (
    FINISHED,
    UNFINISHED,
    Action,
    Activity,
    BulkAction,
    CloseReason,
    Finding,
    RecordState,
    Suppression,
    WorkflowStatus,
)
from ecsaudit.library.effective import rules
from ecsaudit.people.models import User

# Columns that a change may touch; those of the bookkeeping are added to each.
COLUMNS = ("workflow_status", "close_reason", "suppression_id", "assignee_id", "steps_done")
BOOKKEEPING = ("updated_at", "revision", "hub_is_stale")
BATCH = 500
LONGEST_TEXT = 10_000
REPLACED = "another one took its place"
TAKEN_BACK = "the action that suppressed it was taken back"


class TriageError(ValueError):
    """What was asked can't be done."""


class Overtaken(RuntimeError):
    """Somebody suppressed one of the groups between two locks; to be tried again."""


class ChangedMeanwhile(TriageError):
    """Somebody else was faster; nothing was overwritten."""


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
class Notify:
    """A message was accepted: what is new is notified; what people have worked on since is left alone."""

    action: ClassVar[Action] = Action.STATUS
    text: str = ""

    def check(self) -> None:
        """Nothing is asked of anybody."""

    def columns(self, finding: Finding) -> dict[str, Any]:
        is_new = finding.workflow_status == WorkflowStatus.NEW
        return {"workflow_status": WorkflowStatus.NOTIFIED.value} if is_new else {}


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
    """Suppress these findings, and later ones of their groups, until a time (ISO 8601), until so many more have come, or as
    long as the rule's text stays what it is.

    Other findings of the groups that are open stay open: nobody decided on them, and they may be very many. Screens say
    so; who means all of a group chooses the group.
    """

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
    """Give each finding back what one bulk action took, unless somebody changed that since. What was written stays."""

    action: ClassVar[Action] = Action.UNDONE
    bulk_id: int
    text: str = ""
    before: dict[int, dict[str, Any]] = field(default_factory=dict)

    def check(self) -> None:
        """Nothing is asked of the person."""

    def columns(self, finding: Finding) -> dict[str, Any]:
        return self.before.get(finding.pk, {})


Change = SetStatus | Notify | Assign | Comment | Tick | Suppress | Undo
CHANGES: dict[str, type[Change]] = {
    "status": SetStatus, "notify": Notify, "assign": Assign, "comment": Comment, "tick": Tick, "suppress": Suppress, "undo": Undo,
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
    *,
    finding_ids: Collection[int],
    change: Change,
    by: User | None,
    now: datetime,
    bulk: BulkAction | None = None,
    fitting: Q | None = None,
    revision: int | None = None,
) -> Outcome:
    """Make one change to these findings, in one transaction; `by` is None where ecsaudit itself does it.

    TriageError says why the change can't be made; then nothing is changed. Findings that are so already get no line, but
    a comment is always one. Those that no longer are `fitting` are left alone. `revision` is what the person saw of the
    one finding; ChangedMeanwhile when it is no longer that.
    """
    change.check()
    if len(change.text) > LONGEST_TEXT:
        raise TriageError(f"the text has {len(change.text):,} characters; {LONGEST_TEXT:,} are allowed")
    asked = Asked(finding_ids, change, by, now, bulk, fitting or Q(), revision)
    while True:
        try:
            changed = applied(asked)
        except Overtaken:
            continue
        return Outcome(changed=changed, unchanged=len(finding_ids) - changed)


@dataclass(frozen=True, slots=True)
class Asked:
    """What `apply` was asked for."""

    finding_ids: Collection[int]
    change: Change
    by: User | None
    now: datetime
    bulk: BulkAction | None
    fitting: Q
    revision: int | None


@transaction.atomic
def applied(asked: Asked) -> int:
    """Make the change, all or nothing; returns how many findings it changed."""
    change, now = asked.change, asked.now
    standing = lock_suppressions(asked.finding_ids) if isinstance(change, Suppress) else set()
    found = locked(Finding.objects.filter(asked.fitting, pk__in=asked.finding_ids))
    if asked.revision is not None and any(finding.revision != asked.revision for finding in found):
        raise ChangedMeanwhile("somebody changed this finding after you opened it; look at what, then decide again")
    if isinstance(change, Undo):
        change = with_before(change, found, now)
    suppressions = suppress_groups(asked, change, found, standing) if isinstance(change, Suppress) else {}
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
                finding=finding, at=now, by=asked.by, action=change.action,
                before=before, after=after, text=change.text, bulk=asked.bulk,
            )
        )  # fmt: skip
    write([line.finding for line in lines], lines, steps, now)
    return len(lines)


def locked(findings: QuerySet[Finding]) -> list[Finding]:
    """These findings, locked in one order for everybody."""
    # No key changes, so whoever only refers to a finding need not wait.
    return list(findings.select_for_update(of=("self",), no_key=True).order_by("pk"))


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


def in_force(group_ids: Collection[int]) -> QuerySet[Suppression]:
    return Suppression.objects.filter(group__in=group_ids, ended_at__isnull=True)


def lock_suppressions(finding_ids: Collection[int]) -> set[int]:
    """Keep the suppressions of these findings' groups as they are, until the transaction ends; returns their ids."""
    group_ids = set(Finding.objects.filter(pk__in=finding_ids).values_list("group", flat=True))
    return {each.pk for each in standing_on(group_ids).select_for_update(no_key=True).order_by("pk")}


def standing_on(group_ids: Collection[int]) -> QuerySet[Suppression]:
    """Those in force on these groups, and those that ended and still have findings to open."""
    return Suppression.objects.filter(Q(ended_at__isnull=True) | Q(is_opening=True), group__in=group_ids)


def suppress_groups(
    asked: Asked, change: Suppress, found: Sequence[Finding], standing: Collection[int]
) -> dict[int, Suppression]:
    """One suppression in force for each group of these findings, in place of one that was; returns group id → suppression.

    The one that the same bulk action made, with an earlier batch, is kept. `standing` are the ids of those that are locked;
    Overtaken where there are others by now, because locking them only now would be against the order.
    """
    bulk, by, now = asked.bulk, asked.by, asked.now
    group_ids = {finding.group_id for finding in found}
    # Whoever suppresses the same group at this moment waits here.
    locked_groups = groups.locked(group_ids)
    if not set(standing_on(group_ids).values_list("pk", flat=True)) <= set(standing):
        raise Overtaken
    before = {suppression.group_id: suppression for suppression in in_force(group_ids)}
    kept = {pk: each for pk, each in before.items() if bulk is not None and each.bulk_id == bulk.pk}
    replaced = [each.pk for each in before.values() if each.group_id not in kept]
    Suppression.objects.filter(pk__in=replaced).update(ended_at=now, ended_because=REPLACED)
    # What an ended one has not opened yet stays as it is.
    Suppression.objects.filter(group__in=group_ids, is_opening=True).update(is_opening=False)
    versions = versions_now(found) if change.while_rule_stays else {}
    made = Suppression.objects.bulk_create(
        Suppression(
            group_id=group.pk,
            by=by,
            bulk=bulk,
            instead_of=before.get(group.pk),
            created_at=now,
            until_at=moment(change.until_at) if change.until_at else None,
            until_count=group.count + change.more if change.more else None,
            while_version_id=versions.get(group.rule),
            reason=change.reason,
            text=change.text,
        )
        for group in locked_groups
        if group.pk not in kept
    )
    return kept | {suppression.group_id: suppression for suppression in made}


def versions_now(found: Sequence[Finding]) -> dict[str, int]:
    """The text that has the last word on the rule of each of these findings; TriageError where there is none."""
    versions = {finding.rule: rules.current().versions.get(finding.rule) for finding in found}
    known = {rule: version for rule, version in versions.items() if version is not None}
    if missing := next((rule for rule in versions if rule not in known), None):
        raise TriageError(f"“{missing}” is not among the rules, so wait for a date or a number of findings instead")
    return known


def with_before(change: Undo, found: Sequence[Finding], now: datetime) -> Undo:
    """The change with what each finding had before the bulk action, where nobody changed the same columns since."""
    first = Activity.objects.filter(bulk=change.bulk_id).order_by("pk").values_list("pk", flat=True).first() or 0
    before: dict[int, dict[str, Any]] = {}
    for line in Activity.objects.filter(finding__in=found, pk__gte=first).order_by("pk"):
        if line.bulk_id == change.bulk_id:
            before[line.finding_id] = line.before
        elif not before.get(line.finding_id, {}).keys().isdisjoint(line.after):
            del before[line.finding_id]
    return Undo(change.bulk_id, change.text, still_possible(before))


def still_possible(before: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What findings had, where it can be had again: not somebody who is gone.

    A suppression that is over is given back, too: `open_given_back` has it open its findings as at any other end.
    """
    people = {columns["assignee_id"] for columns in before.values() if columns.get("assignee_id")}
    gone = people - set(User.objects.filter(pk__in=people).values_list("pk", flat=True))
    return {
        pk: columns | ({"assignee_id": None} if columns.get("assignee_id") in gone else {})
        for pk, columns in before.items()
    }


def note_notified(*, finding_ids: Collection[int], now: datetime, text: str) -> Outcome:
    """A message about these findings was accepted: those that are new are notified. `text` says by whom."""
    return apply(finding_ids=finding_ids, change=Notify(text=text), by=None, now=now)


def end_suppressions(now: datetime) -> int:
    """End the suppressions that are due: their time is up, or their rule was changed. Returns how many ended."""
    unended = Suppression.objects.filter(ended_at__isnull=True).order_by("pk")
    ended = 0
    for suppression in unended.filter(until_at__lte=now)[:BATCH]:
        ended += end(suppression, because=f"its time was up at {suppression.until_at:%Y-%m-%d %H:%M} UTC", now=now)
    while_rule_stays = unended.filter(while_version__isnull=False)
    if while_rule_stays.exists():
        standing = set(rules.current().versions.values())
        for suppression in while_rule_stays.exclude(while_version__in=standing)[:BATCH]:
            ended += end(suppression, because="the rule was changed", now=now)
    return ended


def end(suppression: Suppression, *, because: str, now: datetime, by: User | None = None) -> bool:
    """End one suppression, once; returns whether it was in force. What it suppressed is for `open_again` to open."""
    mine = in_force([suppression.group_id]).filter(pk=suppression.pk)
    return bool(mine.update(ended_at=now, ended_because=because, ended_by=by, is_opening=True))


def opening() -> list[int]:
    """The ids of suppressions that ended, and of which findings are still to be opened."""
    return list(Suppression.objects.filter(is_opening=True).order_by("pk").values_list("pk", flat=True))


def open_again(suppression_id: int, now: datetime) -> list[Finding] | None:
    """Open the next findings of a suppression that ended, in the transaction at hand; None when there is nothing left.

    With them those that it found suppressed by one whose place it took. A group may have very many, so each page is kept
    by itself; a suppression that comes in force meanwhile keeps the rest as it is. What another worker is opening is its.
    """
    rows = Suppression.objects.select_for_update(no_key=True, skip_locked=True).filter(is_opening=True)
    suppression = rows.filter(pk=suppression_id).first()
    if suppression is None:
        return None
    of_group = Suppression.objects.filter(group=suppression.group_id)
    left = Finding.objects.filter(suppression__in=of_group, workflow_status=WorkflowStatus.SUPPRESSED)
    ids = list(left.order_by("pk").values_list("pk", flat=True)[:BATCH])
    if not ids:
        rows.filter(pk=suppression_id).update(is_opening=False)
        return None
    found, lines, steps = locked(left.filter(pk__in=ids)), [], Steps()
    for finding in found:
        columns = {"workflow_status": WorkflowStatus.NEW.value, "close_reason": "", "suppression_id": None}
        before, after = changed(finding, columns, now, steps) or ({}, {})
        lines.append(
            Activity(
                finding=finding, at=now, by_id=suppression.ended_by_id, action=Action.RECURRED,
                before=before, after=after, text=f"The suppression ended: {suppression.ended_because}",
            )
        )  # fmt: skip
    write(found, lines, steps, now)
    return found


def why_over(suppression: Suppression, *, count: int, version_id: int | None, now: datetime) -> str:
    """Why a suppression is over when its group has so many findings, and its rule this text; empty where it isn't."""
    if suppression.until_at is not None and suppression.until_at <= now:
        return f"its time was up at {suppression.until_at:%Y-%m-%d %H:%M} UTC"
    if suppression.until_count is not None and count >= suppression.until_count:
        return f"the group has {count:,} findings"
    if suppression.while_version_id is not None and suppression.while_version_id != version_id:
        return "the rule was changed"
    return ""


def take_back(suppression: Suppression, *, now: datetime, by: User | None) -> None:
    """End a suppression because what made it is undone; the one whose place it took is in force again, if it still can be.

    Then all that is suppressed in the group stays so; else it is for `open_again` to open.
    """
    with transaction.atomic():
        earlier = to_revive(suppression, now)
        both = Suppression.objects.filter(pk__in=[suppression.pk, *([earlier.pk] if earlier else [])])
        list(both.select_for_update(no_key=True).order_by("pk"))
        mine = in_force([suppression.group_id]).filter(pk=suppression.pk)
        if mine.update(ended_at=now, ended_because=TAKEN_BACK, ended_by=by, is_opening=earlier is None) and earlier:
            Suppression.objects.filter(pk=earlier.pk).update(ended_at=None, ended_because="")


def open_given_back(bulk_id: int) -> None:
    """Have `open_again` open what an undo gave back to suppressions that are over, where no other is in force."""
    given_back = Finding.objects.filter(activities__bulk=bulk_id, workflow_status=WorkflowStatus.SUPPRESSED)
    others = Suppression.objects.filter(group=OuterRef("group"), ended_at__isnull=True)
    over = Suppression.objects.filter(
        ~Exists(others), pk__in=given_back.values("suppression"), ended_at__isnull=False, is_opening=False
    )
    ids = list(over.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
    Suppression.objects.filter(pk__in=ids).update(is_opening=True)


def to_revive(suppression: Suppression, now: datetime) -> Suppression | None:
    """The one that a suppression ended by taking its place, if it would still be in force.

    Where that one's own action was taken back meanwhile, the one before it.
    """
    earlier = suppression.instead_of
    while earlier is not None and earlier.bulk_id and BulkAction.objects.filter(undo_of=earlier.bulk_id).exists():
        earlier = earlier.instead_of
    if earlier is None or earlier.ended_because != REPLACED:
        return None
    group = earlier.group
    version_id = rules.current().versions.get(group.rule) if earlier.while_version_id else None
    return None if why_over(earlier, count=group.count, version_id=version_id, now=now) else earlier
