"""Bulk actions and suppressions with real workers: what a killed one began another finishes, and beat ends what is due."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from ecsaudit.findings import bulk, triage
from ecsaudit.findings.models import IS_OPEN, Activity, BulkAction, Finding, FindingGroup, Suppression
from ecsaudit.people.models import User
from tests import factories
from tests.processes import kill, wait_until, worker

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
FAST = {"ECSAUDIT_LEASE_SECONDS": "2"}
COUNT = 3_000


def store(count: int) -> None:
    """Findings of one group."""
    like = factories.finding()
    columns = {name: getattr(like, name) for name in ("account_id", "session_id", "group_id", "tag_set_id", "rule",
               "priority", "source", "output", "region", "event_time")}  # fmt: skip
    Finding.objects.bulk_create(Finding(**columns) for _ in range(count - 1))
    FindingGroup.objects.update(count=count, open_count=count)


def test_what_a_killed_worker_began_another_finishes_and_each_finding_is_changed_once(
    tmp_path: Path, ann: User
) -> None:
    store(COUNT)
    change = triage.SetStatus("resolved", reason="expected")
    action = bulk.ask(change=change, condition=IS_OPEN, address="", by=ann)

    def changed() -> int:
        action.refresh_from_db()
        return action.changed

    with worker(tmp_path, **FAST) as first:
        wait_until(lambda: changed() >= bulk.BATCH, seconds=60, what="the first batch")
        kill(first)
    assert changed() < COUNT
    assert Activity.objects.count() == action.changed
    with worker(tmp_path, **FAST):
        wait_until(lambda: changed() == COUNT and not action.is_unfinished, seconds=120, what="the whole action")
        assert Activity.objects.filter(bulk=action).values("finding").distinct().count() == COUNT
        assert Activity.objects.count() == COUNT
        assert FindingGroup.objects.get().open_count == 0

        undo = bulk.undo(action=action, by=ann)
        wait_until(lambda: not BulkAction.objects.get(pk=undo.pk).is_unfinished, seconds=120, what="the undo")
    assert Finding.objects.open().count() == FindingGroup.objects.get().open_count == COUNT


def test_a_suppression_ends_by_itself_when_its_time_is_up(tmp_path: Path, ann: User) -> None:
    finding = factories.finding()
    until = timezone.now() + timedelta(hours=1)
    change = triage.Suppress("expected", until_at=until.isoformat())
    triage.apply(finding_ids=[finding.pk], change=change, by=ann, now=timezone.now())
    Suppression.objects.update(until_at=timezone.now() + timedelta(seconds=1))
    with worker(tmp_path, **FAST):
        wait_until(lambda: Finding.objects.open().exists(), seconds=60, what="the end of the suppression")
    assert finding.activities.filter(text__startswith="The suppression ended: its time was up").count() == 1
