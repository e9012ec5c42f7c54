"""The workflow statuses that findings have in Security Hub, read back page by page: where they differ, somebody settles it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from ecsaudit.findings.models import WorkflowStatus
from ecsaudit.securityhub.client import SecurityHub
from ecsaudit.securityhub.lease import Turn
from ecsaudit.securityhub.models import HubFinding
from ecsaudit.securityhub.rate import GET

READ_EVERY = timedelta(minutes=15)
READ_AGAIN_AFTER = timedelta(minutes=1)
# Security Hub may show a status that was just told only after a while.
SETTLES_AFTER = timedelta(minutes=5)
STATUSES = frozenset(status.upper() for status in WorkflowStatus)


def read_page(turn: Turn, hub: SecurityHub) -> bool:
    """Read a page when it is time, from where the last one ended; returns whether there was work."""
    row = turn.row
    if row.next_read_at is not None and row.next_read_at > turn.clock.now():
        return False
    turn.pace(GET)
    page = hub.statuses(row.read_token)
    now = turn.clock.now()
    row.read_token = page.next_token
    columns: dict[str, object] = {"read_token": row.read_token}
    if not page.next_token:
        row.next_read_at = now + READ_EVERY
        columns |= {"last_read_at": now, "next_read_at": row.next_read_at}
    with transaction.atomic():
        turn.renew(**columns)
        note(turn, page.statuses, now)
    return True


def put_off(turn: Turn) -> None:
    """Read again after a while."""
    turn.row.next_read_at = turn.clock.now() + READ_AGAIN_AFTER
    turn.renew(next_read_at=turn.row.next_read_at)


def note(turn: Turn, statuses: Sequence[tuple[str, str]], now: datetime) -> None:
    """Note the statuses of findings that were sent from here; others, of another installation, are not ours."""
    by_id = {asff_id: status for asff_id, status in statuses if status in STATUSES}
    rows = HubFinding.objects.filter(hub_region=turn.row, asff_id__in=[each for each in by_id if each])
    found = [
        row
        for row in rows.select_related("finding").order_by("pk")
        if row.told_at is None or row.told_at + SETTLES_AFTER <= now
    ]
    for row in found:
        row.hub_status, row.status_read_at = by_id[row.asff_id], now
        if row.hub_status == row.finding.workflow_status.upper() or row.hub_status == row.told_status:
            row.drifted_at = None
        else:
            row.drifted_at = row.drifted_at or now
    HubFinding.objects.bulk_update(found, ["hub_status", "status_read_at", "drifted_at"])
