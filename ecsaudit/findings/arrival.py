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
            count = group.count + seen[group.pk]
            because = triage.why_over(suppression, count=count, version_id=finding.rule_version_id, now=now)
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
    # What they suppressed is opened later, page by page: that may be very much.
    for suppression, because in over.values():
        triage.end(suppression, because=because, now=now)
    groups.count(steps, now)
    return stored


def suppressions_of(group_ids: set[int]) -> dict[int, Suppression]:
    """Those in force, kept as they are: one that ended at this moment would not open a finding that isn't stored yet."""
    found = triage.in_force(group_ids).select_for_update(no_key=True).order_by("pk")
    return {suppression.group_id: suppression for suppression in found}


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
