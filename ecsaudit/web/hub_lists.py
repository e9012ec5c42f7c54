"""The lists of what Security Hub did not take, and of where its workflow status is another one than here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode

from ecsaudit.findings.models import WorkflowStatus
from ecsaudit.securityhub.models import COUNTED, HubFinding, HubRegion, SentState
from ecsaudit.visible import shortened
from ecsaudit.web.asked import asked_number
from ecsaudit.web.exports import Column, column, last_made_first, links
from ecsaudit.web.lists import asked_place
from ecsaudit.web.paging import page
from ecsaudit.web.times import stamp

COLUMNS = (
    "pk", "finding_id", "finding__rule", "finding__event_time", "finding__workflow_status", "hub_region__region",
    "hub_region__account__alias", "hub_region__account__account_id", "state", "failed_at", "next_attempt_at", "attempts",
    "error_code", "error_message", "drifted_at", "hub_status", "status_read_at",
)  # fmt: skip

ABOUT = (
    column("id", "pk"),
    column("finding", "finding_id"),
    column("rule", "finding__rule"),
    column("event_time", "finding__event_time"),
    column("account", "hub_region__account__account_id"),
    column("account_alias", "hub_region__account__alias"),
    column("region", "hub_region__region"),
    column("asff_id"),
)
FAILED_EXPORT = (
    *ABOUT,
    *map(column, ("failed_at", "error_code", "error_message", "state", "attempts", "next_attempt_at")),
)
DIFFERENCES_EXPORT = (
    *ABOUT,
    column("drifted_at"),
    column("status_here", "finding__workflow_status"),
    column("status_in_security_hub", "hub_status"),
    column("status_read_at"),
)


@dataclass(frozen=True, slots=True)
class HubList:
    """A page of rows, ready to be looked at; `hub` is the account and Region that the list is narrowed to."""

    rows: Sequence[dict[str, str]]
    older: str
    newer: str
    problems: Sequence[str]
    hub: HubRegion | None
    exports: Sequence[tuple[str, str]]


def read(request: HttpRequest, found: QuerySet[HubFinding], time: str) -> HubList:
    """The page that the address asks for, sorted by the column `time`, newest first."""
    hub = asked_hub(request.GET)
    problems: list[str] = []
    after, before = (asked_place(request, name, problems) for name in ("after", "before"))
    got = page(narrowed(found, hub).values(*COLUMNS), time, after=after, before=before)
    kept = {"hub": str(hub.pk)} if hub else {}
    return HubList(
        [shown(row) for row in got.rows],
        got.older and f"?{urlencode(kept | {'after': got.older})}",
        got.newer and f"?{urlencode(kept | {'before': got.newer})}",
        problems,
        hub,
        links(list(kept.items())),
    )


def narrowed(found: QuerySet[HubFinding], hub: HubRegion | None) -> QuerySet[HubFinding]:
    return HubFinding.objects.of_region(hub.pk if hub else None) & found


def exported(parameters: QueryDict, found: QuerySet[HubFinding], columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """Every row of a list as it is narrowed, as a file has it."""
    rows = narrowed(found, asked_hub(parameters))
    return last_made_first(rows.values(*(column.path for column in columns)))


def asked_hub(parameters: QueryDict) -> HubRegion | None:
    asked = parameters.get("hub", "")
    if not asked:
        return None
    return get_object_or_404(HubRegion.objects.select_related("account"), pk=asked_number(asked) or 0)


def asked_ids(parameters: QueryDict, found: QuerySet[HubFinding], time: str) -> list[int]:
    """The ids that were ticked, or, with `all`, the newest of the list as it is narrowed: so many at once as are counted."""
    if "all" in parameters:
        rows = narrowed(found, asked_hub(parameters))
        return list(rows.order_by(f"-{time}", "-pk").values_list("pk", flat=True)[:COUNTED])
    numbers = map(asked_number, parameters.getlist("row"))
    return [number for number in numbers if number is not None][:COUNTED]


def shown(row: dict[str, Any]) -> dict[str, str]:
    account = row["hub_region__account__alias"] or row["hub_region__account__account_id"]
    return {
        "pk": str(row["pk"]),
        "url": reverse("finding", args=[row["finding_id"]]),
        "rule": shortened(row["finding__rule"], 80),
        "event_time": stamp(row["finding__event_time"]),
        "account": shortened(account, 30),
        "region": shortened(row["hub_region__region"], 32),
        "failed_at": stamp(row["failed_at"]) if row["failed_at"] else "",
        "code": shortened(row["error_code"], 60),
        "reason": shortened(row["error_message"], 400),
        "state": str(SentState(row["state"]).label),
        "state_name": row["state"],
        "next": stamp(row["next_attempt_at"]) if row["next_attempt_at"] else "",
        "attempts": str(row["attempts"]),
        "drifted_at": stamp(row["drifted_at"]) if row["drifted_at"] else "",
        "ours": WorkflowStatus(row["finding__workflow_status"]).label,
        "theirs": status_word(row["hub_status"]),
        "read_at": stamp(row["status_read_at"]) if row["status_read_at"] else "",
    }


def status_word(status: str) -> str:
    lower = status.lower()
    return str(WorkflowStatus(lower).label) if lower in WorkflowStatus else shortened(status, 20)
