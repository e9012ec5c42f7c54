from typing import Any

import pytest

from ecsaudit.findings import own
from ecsaudit.findings.models import Activity, Finding, FindingGroup, Priority, WorkflowStatus
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def raised(key: str = "channel:1", **fields: Any) -> Finding:
    about = {
        "rule": "Channel failing",
        "priority": Priority.ERROR,
        "output": "sec: 500",
        "output_fields": {"channel": 1},
    }
    return own.raise_own(key=key, now=NOW, **about | fields)


def test_a_finding_of_our_own_is_open_and_has_neither_event_nor_account() -> None:
    finding = Finding.objects.open().get(pk=raised().pk)
    assert (finding.event, finding.account, finding.source) == (None, None, "ecsaudit")
    assert not finding.hub_is_stale


def test_there_is_one_open_finding_about_one_thing() -> None:
    assert raised() == raised(output="sec: 502")
    assert raised(key="channel:2") != raised()
    assert sorted(FindingGroup.objects.values_list("count", "open_count")) == [(1, 1), (1, 1)]


def test_what_is_settled_is_resolved_with_a_line_of_ecsaudit_itself() -> None:
    finding = raised()
    assert own.settle_own(key="channel:1", now=NOW, text="a message was accepted") == 1
    finding.refresh_from_db()
    assert finding.workflow_status == WorkflowStatus.RESOLVED
    line = Activity.objects.get()
    assert (line.by, line.text) == (None, "a message was accepted")
    assert own.settle_own(key="channel:1", now=NOW, text="again") == 0


def test_the_same_trouble_later_is_a_new_finding_of_the_same_group_that_comes_back() -> None:
    first = raised()
    own.settle_own(key="channel:1", now=NOW, text="a message was accepted")
    second = raised()
    assert second != first
    group = FindingGroup.objects.get()
    assert (group.count, group.open_count, group.reopened_at) == (2, 1, NOW)
