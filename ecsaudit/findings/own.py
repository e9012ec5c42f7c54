"""Findings of ecsaudit's own: something in ecsaudit itself needs a person, such as a channel whose messages don't arrive.

They have no event and no account, are worked on like any other, and are not told to Security Hub.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from ecsaudit.findings import groups, triage
from ecsaudit.findings.fingerprint import Subject, digest
from ecsaudit.findings.models import CloseReason, Finding, FindingGroup, Priority, WorkflowStatus
from ecsaudit.findings.services import tag_sets_of

SOURCE = "ecsaudit"
TAGS = ("ecsaudit",)


def raise_own(
    *, key: str, rule: str, priority: Priority, output: str, output_fields: Mapping[str, Any], now: datetime
) -> Finding:
    """The open finding about `key` (for example "channel:3"); made when there is none.

    While people have it suppressed it stays the one that they suppressed.
    """
    with transaction.atomic():
        tag_set_id = tag_sets_of([TAGS])[TAGS]
        draft = groups.Draft(
            rule=rule, account_pk=None, account_id="", region="", subject=Subject("", "", ""), priority=priority,
            tag_set_id=tag_set_id, seen_at=now, own_key=key,
        )  # fmt: skip
        group = groups.groups_of([draft])[draft.fingerprint]
        # Two workers that raise the same wait for each other here.
        FindingGroup.objects.select_for_update().get(pk=group.pk)
        found = Finding.objects.filter(group=group)
        present = found.open().first() or (
            found.order_by("-pk").first() if triage.in_force([group.pk]).exists() else None
        )
        if present is not None:
            return present
        finding = Finding.objects.create(
            group=group, rule=rule, priority=priority, tag_set_id=tag_set_id, source=SOURCE, output=output,
            output_fields=dict(output_fields), event_time=now, updated_at=now, hub_is_stale=False,
        )  # fmt: skip
        step = groups.Step(count=1, open_count=1)
        step.came(finding)
        groups.count({group.pk: step}, now)
        return finding


def settle_own(*, key: str, now: datetime, text: str) -> int:
    """Resolve the open finding about `key`, because `text`; returns how many there were."""
    fingerprint = digest(["ecsaudit", key])
    ids = list(Finding.objects.open().filter(group__fingerprint=fingerprint).values_list("pk", flat=True))
    change = triage.SetStatus(WorkflowStatus.RESOLVED, reason=CloseReason.OTHER, text=text)
    return triage.apply(finding_ids=ids, change=change, by=None, now=now).changed if ids else 0
