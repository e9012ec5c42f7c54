"""The list of findings gathered into groups: a group is shown when one of its findings fits the filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, QuerySet

from ecsaudit.findings.models import Finding, FindingGroup, Priority, Suppression
from ecsaudit.visible import shortened
from ecsaudit.web import finding_list
from ecsaudit.web.exports import column
from ecsaudit.web.filters import ListFilter
from ecsaudit.web.finding_list import ALL, FLAT, PRIORITIES
from ecsaudit.web.lists import Listing
from ecsaudit.web.times import minute, span, stamp

COLUMNS = (
    "pk", "rule", "priority", "person", "cluster", "target", "region", "account__account_id", "account__alias", "count",
    "open_count", "first_seen_at", "last_seen_at", "reopened_at", "is_open",
)  # fmt: skip
# What all findings of a group have in common, so that groups are found by their own indexes.
COMMON = {
    "rule": "rule",
    "person": "person",
    "cluster": "cluster",
    "region": "region",
    "account": "account__account_id",
}
LONGEST_DAYS = "3650"
ASSIGNEES = 3


def fitting(filter: ListFilter, now: datetime) -> QuerySet[FindingGroup]:
    """Groups with a finding that fits."""
    found = Finding.objects.filter(filter.condition(now))
    if filter.search and filter.exact_columns:
        return FindingGroup.objects.filter(pk__in=found.values("group"))
    groups = FindingGroup.objects.filter(Exists(found.filter(group=OuterRef("pk"))))
    for name, path in COMMON.items():
        values = [value for each, value in filter.included if each == name]
        if values:
            groups = groups.filter(**{f"{path}__in": values} if len(values) > 1 else {path: values[0]})
    since = filter.bounds(now).get("event_time__gte")
    if since is not None:
        groups = groups.filter(last_seen_at__gte=since)
    return groups.filter(is_open=True) if filter.defaults() == filter.spec.by_default else groups


def shown(row: dict[str, Any], base: str) -> dict[str, str]:
    """A row as text for the template. `base` is the address of the list."""
    every = {"group": row["pk"], "days": LONGEST_DAYS}
    place = "/".join(name for name in (row["cluster"], row["target"]) if name)
    return {
        "pk": str(row["pk"]),
        "url": base + row["address"],
        "every": f"{base}?{urlencode(every | ALL)}",
        "open": open_of(row["pk"], base),
        "rule": shortened(row["rule"], 80),
        "priority": str(row["priority"]),
        "priority_word": PRIORITIES[str(row["priority"])],
        "person": shortened(row["person"], 60),
        "place": shortened(place, 60),
        "account": shortened(row["account__alias"] or row["account__account_id"] or "", 30),
        "region": shortened(row["region"], 32),
        "count": f"{row['count']:,}",
        "open_count": f"{row['open_count']:,}" if row["open_count"] else "",
        "first": stamp(row["first_seen_at"]),
        "last": stamp(row["last_seen_at"]),
        "age": row["age"],
        "state": row["state"],
        "state_word": row["state_word"],
        "until": row["until"],
        "assignees": row["assignees"],
    }


def open_of(group_id: int, base: str) -> str:
    """The address of a group's open findings, however old."""
    return f"{base}?{urlencode({'group': group_id, 'days': LONGEST_DAYS, 'view': FLAT})}"


def prepare(rows: Sequence[dict[str, Any]], filter: ListFilter, now: datetime) -> None:
    """Put to each row of the page where it leads, how it stands, and who works on it. Two queries."""
    ids = [row["pk"] for row in rows]
    in_force = {each.group_id: each for each in Suppression.objects.filter(group__in=ids, ended_at__isnull=True)}
    assigned = Finding.objects.open().filter(group__in=ids, assignee__isnull=False).order_by("assignee__username")
    names: dict[int, list[str]] = {}
    for group, name in assigned.values_list("group", "assignee__username").distinct():
        names.setdefault(group, []).append(shortened(name, 40))
    for row in rows:
        row["address"] = filter.toggled("group", str(row["pk"])).viewed(FLAT).address()
        row["age"] = span(now - row["first_seen_at"])
        row |= standing(row, in_force.get(row["pk"]))
        who = names.get(row["pk"], [])
        more = f" and {len(who) - ASSIGNEES} more" if len(who) > ASSIGNEES else ""
        row["assignees"] = ", ".join(who[:ASSIGNEES]) + more


def standing(row: Mapping[str, Any], suppression: Suppression | None) -> dict[str, str]:
    """How a group stands, in a word; of a suppressed one until when, and of one whose later findings alone are suppressed."""
    if suppression is not None and row["is_open"]:
        return {"state": "new", "state_word": "Open", "until": f"later ones suppressed {until(suppression)}"}
    if suppression is not None:
        return {"state": "suppressed", "state_word": "Suppressed", "until": until(suppression)}
    if row["is_open"] and row["reopened_at"]:
        return {"state": "new", "state_word": "Came back", "until": ""}
    return {"state": "new", "state_word": "Open", "until": ""} if row["is_open"] else {
        "state": "resolved", "state_word": "Done", "until": "",
    }  # fmt: skip


def until(suppression: Suppression) -> str:
    """What ends a suppression, in words."""
    ends = []
    if suppression.until_at:
        ends.append(f"until {minute(suppression.until_at)} UTC")
    if suppression.until_count:
        ends.append(f"until the group has {suppression.until_count:,} findings")
    if suppression.while_version_id:
        ends.append("until the rule is changed")
    return " or ".join(ends)


EXPORT = (
    column("id", "pk"),
    column("rule"),
    column("priority", words=dict(Priority.choices)),
    *map(column, ("person", "cluster", "target", "region")),
    column("account", "account__account_id"),
    column("account_alias", "account__alias"),
    *map(column, ("count", "open_count", "first_seen_at", "last_seen_at", "reopened_at")),
    column("tags", "tag_set__tags"),
    column("fingerprint"),
)


def listing_for(user_id: int | None) -> Listing:
    """The groups of this user's list of findings; its facets count findings."""
    findings = finding_list.listing_for(user_id)
    return replace(
        findings, columns=COLUMNS, shown=shown, model=FindingGroup, time="last_seen_at", fitting=fitting,
        prepare=prepare, of=findings, export=EXPORT, moves=True,
    )  # fmt: skip
