"""A worker may die at any line: what the next one makes of it is what an undisturbed one would have."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.db import connection

from ecsaudit import securityhub
from ecsaudit.findings import triage
from ecsaudit.findings.models import CloseReason, Finding, WorkflowStatus
from ecsaudit.securityhub.models import HubFinding, HubRegion
from tests import factories
from tests.securityhub.conftest import Hands
from tests.securityhub_api import Api

pytestmark = pytest.mark.django_db(transaction=True)
PACKAGE = str(Path(securityhub.__path__[0]))
# Where nothing is written, dying in one line is dying in any.
PURE = ("asff.py", "check.py", "facts.py", "plain_text.py", "models.py")
TRIALS = 10


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill -9."""


class Killer:
    """Counts the lines that the package executes, and kills at one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.lines = at, 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Killer | None:
        path = frame.f_code.co_filename
        if not path.startswith(PACKAGE) or path.endswith(PURE):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.at:
                sys.settrace(None)
                raise Killed
        return self


def turn(hub: HubRegion, hands: Hands, at: int = 0) -> int:
    """A turn that is killed at a line, or at none; returns how many lines it had."""
    killer, before = Killer(at), sys.gettrace()
    sys.settrace(killer)
    try:
        hands.turn(hub)
    except Killed:
        assert at
        # Killed on its way out of a `with`, a transaction would stay open: with the process its connection dies.
        connection.close()
        connection.connect()
    finally:
        sys.settrace(before)
    return killer.lines


def everything(api: Api) -> dict[str, Any]:
    """All that Security Hub and the screens show, without times and row numbers."""
    rows = HubFinding.objects.order_by("asff_id")
    return {
        "there": sorted(
            (each["Id"], each["RecordState"], each["Workflow"]["Status"]) for each in api.findings.values()
        ),
        "here": list(rows.values_list("asff_id", "state", "told_status", "hub_status", "digest", "error_code")),
        "stale": Finding.objects.filter(hub_is_stale=True).count(),
    }


def begin_again(api: Api, hands: Hands) -> None:
    api.findings.clear()
    api.writes.clear()
    HubFinding.objects.all().delete()
    Finding.objects.update(hub_is_stale=True)
    HubRegion.objects.update(
        lease_owner="", lease_expires_at=None, next_attempt_at=hands.now(), next_read_at=hands.now(), attempts=0,
        state="waiting", error_code="",
    )  # fmt: skip


def test_a_worker_that_dies_at_any_line_loses_and_doubles_nothing(api: Api, hub: HubRegion, hands: Hands) -> None:
    session = factories.exec_session()
    made = [factories.finding(session=session, rule=f"Rule {number}") for number in range(3)]
    change = triage.SetStatus(WorkflowStatus.RESOLVED, CloseReason.TEST, "drill")
    triage.apply(finding_ids=[made[0].pk], change=change, by=None, now=hands.now())
    api.refuses = lambda finding: ("InvalidInput", "no") if finding["Title"].startswith("Rule 1:") else None
    begin_again(api, hands)
    lines = turn(hub, hands)
    undisturbed = everything(api)
    assert undisturbed["stale"] == 0
    assert Counter(row[1] for row in undisturbed["here"]) == {"sent": 2, "retrying": 1}
    assert lines > 200
    for at in sorted(random.sample(range(1, lines), TRIALS)):
        begin_again(api, hands)
        turn(hub, hands, at)
        for _ in range(2):
            hands.sleep(31)
            turn(hub, hands)
        assert everything(api) == undisturbed, f"killed at line {at} of {lines}"
        assert max(api.writes.values()) <= 2
        assert api.ignored == []
