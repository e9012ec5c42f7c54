"""Findings that come new: into their groups, past a suppression in force, with a line when their group comes back."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from ecsaudit.findings import groups, triage
from ecsaudit.findings.models import Action, Activity, Finding, Suppression, WorkflowStatus


def store(found: Sequence[Finding], now: datetime) -> list[Finding]:
    """Insert findings whose `group` is set, in the transaction at hand, and count them in their groups."""
    if not found:
        return []
    in_force = suppressions_of({finding.group_id for finding in found})
    seen: defaultdict[int, int] = defaultdict(int)
    steps = triage.Steps()
    over: dict[int, tuple[Suppression, str]] = {}
    back: dict[int, Finding] = {}
    for finding in found:
        group = finding.group
        seen[group.pk] += 1
        suppression = in_force.get(group.pk)
        if suppression is not None:
            because = reason_to_end(suppression, finding, group.count + seen[group.pk], now)
            if because:
                over[group.pk] = in_force.pop(group.pk), because
            else:
                finding.suppression, finding.close_reason = suppression, suppression.reason
                finding.workflow_status = WorkflowStatus.SUPPRESSED
        if group.count and not group.open_count and triage.is_open(finding):
            back.setdefault(group.pk, finding)
        finding.updated_at = now
        steps[group.pk].count += 1
        steps[group.pk].open_count += triage.is_open(finding)
        steps[group.pk].came(finding)
    stored = Finding.objects.bulk_create(found)
    Activity.objects.bulk_create([*born_suppressed(stored, now), *came_back(back.values(), now)])
    # Before the groups are locked, because it locks findings: see findings.groups.
    for suppression, because in over.values():
        triage.end(suppression, because=because, now=now)
    groups.count(steps, now)
    return stored


def suppressions_of(group_ids: set[int]) -> dict[int, Suppression]:
    """Those in force, kept as they are: one that ended at this moment would not open a finding that isn't stored yet."""
    found = triage.in_force(group_ids).select_for_update(no_key=True).order_by("pk")
    return {suppression.group_id: suppression for suppression in found}


def reason_to_end(suppression: Suppression, finding: Finding, count: int, now: datetime) -> str:
    """Why this finding, the `count`th of its group, ends the suppression; empty where it doesn't."""
    if suppression.until_at is not None and suppression.until_at <= now:
        return f"its time was up at {suppression.until_at:%Y-%m-%d %H:%M} UTC"
    if suppression.until_count is not None and count >= suppression.until_count:
        return f"the group has {count:,} findings"
    if suppression.while_version_id is not None and suppression.while_version_id != finding.rule_version_id:
        return "the rule was changed"
    return ""


def born_suppressed(found: Sequence[Finding], now: datetime) -> list[Activity]:
    return [
        Activity(
            finding=finding,
            at=now,
            action=Action.STATUS,
            before={"workflow_status": WorkflowStatus.NEW.value},
            after={"workflow_status": WorkflowStatus.SUPPRESSED.value, "close_reason": finding.close_reason},
            text="Its group was suppressed when it came.",
        )
        for finding in found
        if finding.suppression_id is not None
    ]


def came_back(found: Iterable[Finding], now: datetime) -> list[Activity]:
    text = "Its group had nothing open any more."
    return [Activity(finding=finding, at=now, action=Action.RECURRED, text=text) for finding in found]
