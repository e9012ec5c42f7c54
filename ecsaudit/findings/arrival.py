"""Findings that come new: into their groups, past a suppression in force, with a line when their group comes back."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ecsaudit.findings import triage
from ecsaudit.findings.models import Action, Activity, Finding, Suppression, WorkflowStatus


def suppressions_of(found: Iterable[Finding]) -> dict[int, Suppression]:
    """Those in force on the groups of these findings, by the group's id; to be asked for before any finding is locked.

    They are kept as they are: one that ended at this moment would not open a finding that isn't stored yet. Where one was
    waited for whose place another took meanwhile, that one is asked for, too.
    """
    in_force = triage.in_force({finding.group_id for finding in found})
    while True:
        locked = list(in_force.select_for_update(no_key=True).order_by("pk"))
        if set(in_force.values_list("pk", flat=True)) <= {each.pk for each in locked}:
            return {each.group_id: each for each in locked}


def store(found: Sequence[Finding], in_force: dict[int, Suppression], now: datetime, steps: triage.Steps) -> None:
    """Insert findings whose `group` is set, in the transaction at hand; `steps` are for groups.count, behind all others.

    `in_force` are the suppressions_of these findings; those that are over end here.
    """
    back: list[Finding] = []
    for finding in found:
        group, step = finding.group, steps[finding.group_id]
        suppression = in_force.get(group.pk)
        if suppression is not None:
            count = group.count + step.count + 1
            because = triage.why_over(suppression, count=count, version_id=finding.rule_version_id, now=now)
            if because:
                # What it suppressed is opened later, page by page: that may be very much.
                triage.end(in_force.pop(group.pk), because=because, now=now)
            else:
                finding.suppression, finding.close_reason = suppression, suppression.reason
                finding.workflow_status = WorkflowStatus.SUPPRESSED
        if group.count and not group.open_count + step.open_count and triage.is_open(finding):
            back.append(finding)
        finding.updated_at = now
        step.count += 1
        step.open_count += triage.is_open(finding)
        step.came(finding)
    Finding.objects.bulk_create(found)
    Activity.objects.bulk_create([*born_suppressed(found, now), *came_back(back, now)])


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
