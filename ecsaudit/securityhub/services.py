"""What people do with Security Hub: switch it on and off, send again, and settle where its statuses differ.

SwitchRefused           it can't be switched on there; its text says why
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import F, Max, Q

from ecsaudit.cloudtrail.models import Account
from ecsaudit.findings import groups, triage
from ecsaudit.findings.models import FINISHED, CloseReason, Finding
from ecsaudit.library.models import Library
from ecsaudit.people.models import User
from ecsaudit.securityhub.models import HubFinding, HubRegion, HubState

OPEN_DAYS = 30


class SwitchRefused(ValueError):
    """Security Hub can't be switched on for this account and Region."""


class Past(models.TextChoices):
    """Which findings from before it was switched on Security Hub is told about."""

    NONE = "none", "only new findings"
    OPEN = "open", f"open findings of the last {OPEN_DAYS} days too"


def sync_regions(now: datetime) -> None:
    """Make the rows that the accounts' Regions ask for, switched off; drop those never switched on of Regions taken off."""
    for account in Account.objects.prefetch_related("hub_regions"):
        wanted = {region for region in account.regions if isinstance(region, str) and region}
        present = {row.region for row in account.hub_regions.all()}
        if missing := sorted(wanted - present):
            HubRegion.objects.bulk_create(
                (HubRegion(account=account, region=region, next_attempt_at=now) for region in missing),
                ignore_conflicts=True,
            )
        if gone := present - wanted:
            HubRegion.objects.filter(account=account, region__in=gone, switched_at__isnull=True).delete()


def due(now: datetime) -> list[int]:
    """The ids of accounts × Regions that a worker should turn to now."""
    sync_regions(now)
    return list(HubRegion.objects.due(now).order_by("next_attempt_at").values_list("pk", flat=True))


def switch_on(*, hub_region: HubRegion, past: Past, by: User, now: datetime) -> None:
    """Tell Security Hub about findings from now on, and those of the past that `past` names. Nothing if it is on already."""
    if hub_region.account.is_sample:
        raise SwitchRefused("findings of the sample are not sent to Security Hub")
    with transaction.atomic():
        # No finding may be on its way with a number below the newest one.
        Library.locked()
        row = HubRegion.objects.select_for_update().get(pk=hub_region.pk)
        if row.enabled:
            return
        row.enabled, row.switched_by, row.switched_at = True, by, now
        row.after_finding = Finding.objects.aggregate(newest=Max("pk"))["newest"] or 0
        row.mark_from = now - timedelta(days=OPEN_DAYS) if past == Past.OPEN else None
        row.mark_time = row.mark_id = None
        row.state, row.next_attempt_at, row.next_read_at, row.read_token = HubState.WAITING, now, now, ""
        row.failures_in_a_row, row.error_code, row.error_message = 0, "", ""
        row.save()


def switch_off(*, hub_region: HubRegion, by: User, now: datetime) -> bool:
    """Stop telling Security Hub, also in the middle of a turn; returns whether it was on. What it has stays there."""
    return bool(
        HubRegion.objects.filter(pk=hub_region.pk, enabled=True).update(
            enabled=False, switched_by=by, switched_at=now, lease_owner="", lease_expires_at=None,
            mark_from=None, state=HubState.WAITING, error_code="", error_message="",
        )
    )  # fmt: skip


def try_again_now(*, hub_region: HubRegion, now: datetime) -> None:
    """End the wait after a failure of the whole account and Region, as when somebody mended a permission."""
    HubRegion.objects.filter(pk=hub_region.pk).update(next_attempt_at=now)


def send_again(*, hub_finding_ids: Collection[int]) -> int:
    """Send these findings again, with the workflow status that they have here; returns how many."""
    with transaction.atomic():
        rows = locked(hub_finding_ids)
        found = Finding.objects.filter(pk__in=[row.finding_id for row in rows])
        triage.locked(found)
        found.update(hub_is_stale=True)
        return HubFinding.objects.filter(pk__in=[row.pk for row in rows]).update(asked=F("asked") + 1, drifted_at=None)


def take_theirs(*, hub_finding_ids: Collection[int], by: User, now: datetime) -> int:
    """Give findings the workflow status that they have in Security Hub; returns how many changed."""
    changed = 0
    with transaction.atomic():
        by_status: defaultdict[str, list[HubFinding]] = defaultdict(list)
        for row in locked(hub_finding_ids):
            if row.drifted_at is not None:
                by_status[row.hub_status].append(row)
        # All at once, in the one order in which findings and then groups are locked.
        found = Finding.objects.filter(pk__in=[row.finding_id for rows in by_status.values() for row in rows])
        groups.locked({finding.group_id for finding in triage.locked(found)})
        for status, rows in sorted(by_status.items()):
            ids = [row.finding_id for row in rows]
            changed += triage.apply(finding_ids=ids, change=taken_over(status), by=by, now=now).changed
            HubFinding.objects.filter(pk__in=[row.pk for row in rows]).update(drifted_at=None)
    return changed


def taken_over(status: str) -> triage.SetStatus:
    text = f"Taken over from AWS Security Hub, where it was set to {status}."
    reason = CloseReason.OTHER if status.lower() in FINISHED else ""
    return triage.SetStatus(status.lower(), reason=reason, text=text)


def locked(hub_finding_ids: Collection[int]) -> list[HubFinding]:
    """These rows, while no worker notes anything on them: accounts × Regions are locked first, as by the workers."""
    wanted = Q(pk__in=hub_finding_ids)
    regions = HubFinding.objects.filter(wanted).values("hub_region")
    list(HubRegion.objects.select_for_update().filter(pk__in=regions).order_by("pk").values_list("pk"))
    return list(HubFinding.objects.filter(wanted).order_by("pk"))
