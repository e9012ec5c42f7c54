"""Changes of findings in words: lines of a finding's history, and what a bulk action did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ecsaudit.findings.models import Action, Activity, BulkAction, CloseReason, Suppression, WorkflowStatus
from ecsaudit.people.models import User
from ecsaudit.web.exports import Column, attribute, last_made_first, pieces
from ecsaudit.web.group_list import until
from ecsaudit.web.times import minute, moment

ITSELF = "ecsaudit"
STATUSES = {value: str(word) for value, word in WorkflowStatus.choices}
REASONS = {value: str(word) for value, word in CloseReason.choices}
Names = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: when, who, what became what, and what was written."""

    time: str
    who: str
    what: str
    text: str
    bulk: int | None


def lines(activities: Sequence[Activity]) -> list[Line]:
    """Lines of the history in their order. Two queries at most: the names of assignees, and suppressions."""
    ids = {
        columns["assignee_id"]
        for line in activities
        for columns in (line.before, line.after)
        if columns.get("assignee_id") is not None
    }
    names, ends = names_of(ids), ends_of(line.after.get("suppression_id") for line in activities)
    return [
        Line(
            moment(line.at),
            line.by.username if line.by else ITSELF,
            what(line, names) + ends.get(line.after.get("suppression_id"), ""),
            line.text,
            line.bulk_id,
        )
        for line in activities
    ]


def ends_of(suppression_ids: Iterable[int | None]) -> dict[int | None, str]:
    """What ends each of these suppressions, in words; one query, where there are any."""
    wanted = {each for each in suppression_ids if each is not None}
    found = Suppression.objects.filter(pk__in=wanted) if wanted else ()
    return {suppression.pk: f", {until(suppression)}" for suppression in found}


def names_of(ids: Iterable[int]) -> Names:
    wanted = set(ids)
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "username")) if wanted else {}


def what(line: Activity, names: Names) -> str:
    """`Status: New → Resolved (True positive)`."""
    parts = []
    before, after = line.before, line.after
    if "workflow_status" in after or "close_reason" in after:
        parts.append(status_words(before, after))
    if "assignee_id" in after:
        parts.append(f"Assignee: {name(before['assignee_id'], names)} → {name(after['assignee_id'], names)}")
    if "steps_done" in after:
        parts.append(steps_words(before["steps_done"], after["steps_done"]))
    if not parts and "suppression_id" in after:
        parts.append("Suppressed until something else")
    words = "; ".join(parts)
    if line.action in (Action.STATUS, Action.ASSIGNED, Action.STEP) and words:
        return words
    label = Action(line.action).label
    return f"{label}: {words[0].lower()}{words[1:]}" if words else str(label)


def status_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    reason = f" ({REASONS[after['close_reason']]})" if after.get("close_reason") else ""
    if "workflow_status" not in after:
        was = REASONS.get(before["close_reason"], "none")
        return f"Reason: {was} → {REASONS.get(after['close_reason'], 'none')}"
    return f"Status: {STATUSES[before['workflow_status']]} → {STATUSES[after['workflow_status']]}{reason}"


def steps_words(before: Sequence[int], after: Sequence[int]) -> str:
    ticked, taken = sorted({*after} - {*before}), sorted({*before} - {*after})
    words = [f"ticked step {', '.join(map(str, ticked))}"] if ticked else []
    if taken:
        words.append(f"took the tick from step {', '.join(map(str, taken))}")
    return f"Runbook: {' and '.join(words)}"


def name(user_id: int | None, names: Names) -> str:
    return "nobody" if user_id is None else names.get(user_id, "somebody who is gone")


def change_words(data: Mapping[str, Any], names: Names) -> str:
    """What a bulk action does, from its change as data."""
    kind = data["change"]
    reason = f" ({REASONS.get(data.get('reason', ''), '')})" if data.get("reason") else ""
    if kind == "status":
        return f"Status → {STATUSES[data['status']]}{reason}"
    if kind == "assign":
        return f"Assignee → {name(data['assignee_id'], names)}"
    if kind == "suppress":
        ends = []
        if data["until_at"]:
            ends.append(f"until {minute(datetime.fromisoformat(data['until_at']))} UTC")
        if data["more"]:
            ends.append(f"until {data['more']:,} more have come")
        if data["while_rule_stays"]:
            ends.append("until the rule is changed")
        return f"Suppressed {' or '.join(ends)}{reason}"
    return "Undo" if kind == "undo" else "Comment"


@dataclass(frozen=True, slots=True)
class Done:
    """A bulk action as the screens show it."""

    action: BulkAction
    what: str
    who: str
    time: str
    result: str


def done(actions: Sequence[BulkAction]) -> list[Done]:
    """Bulk actions in words. One query for the names of assignees, where somebody was assigned."""
    changes = [(action.undo_of or action).change for action in actions]
    names = names_of(change["assignee_id"] for change in changes if change.get("assignee_id"))
    return [
        Done(
            action,
            f"Undo: {change_words(change, names)}" if action.undo_of_id else change_words(change, names),
            action.by.username if action.by else ITSELF,
            moment(action.created_at),
            result(action),
        )
        for action, change in zip(actions, changes, strict=True)
    ]


EXPORT = (
    attribute("id", "action.pk"),
    attribute("created_at", "action.created_at"),
    attribute("finished_at", "action.finished_at"),
    attribute("by", "who"),
    attribute("what"),
    Column("text", lambda done: done.action.change.get("text")),
    attribute("filter", "action.address"),
    *(attribute(name, f"action.{name}") for name in ("state", "failure", "changed", "unchanged")),
    attribute("undo_of", "action.undo_of_id"),
    Column("undone_by", lambda done: done.action.undone_by.pk if hasattr(done.action, "undone_by") else None),
)


def exported() -> Iterator[Done]:
    """Every bulk action, as a file has it."""
    for piece in pieces(last_made_first(BulkAction.objects.for_list())):
        yield from done(piece)


def result(action: BulkAction) -> str:
    """`1,280 changed, 4 were so already or no longer matched`."""
    if action.undo_of_id:
        said = f"{action.changed:,} taken back"
        return (
            f"{said}, {action.unchanged:,} left alone because somebody changed them since" if action.unchanged else said
        )
    said = f"{action.changed:,} changed"
    was = "was" if action.unchanged == 1 else "were"
    return f"{said}, {action.unchanged:,} {was} so already or no longer matched" if action.unchanged else said
