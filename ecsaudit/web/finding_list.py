"""The list of findings: what it filters by, and its rows as ready text."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import F, Q
from django.db.models.lookups import In

from ecsaudit.findings.models import Finding, Priority, RecordState
from ecsaudit.visible import shortened
from ecsaudit.web import control_filter
from ecsaudit.web.control_filter import FEW
from ecsaudit.web.exports import column
from ecsaudit.web.filters import Dimension, ListFilter, Spec
from ecsaudit.web.lists import Listing
from ecsaudit.web.times import stamp


def served_by(tag_sets: Sequence[int]) -> Q:
    """Findings of one of these tag sets: few by their own index, many by that of the time, whose page is soon full.

    Of many the database would otherwise fetch all and sort them; the sum keeps it from that index.
    """
    if Finding.objects.filter(tag_set__in=tag_sets).count_up_to(FEW + 1) > FEW:
        return Q(In(F("tag_set_id") + 0, tag_sets))
    return Q(tag_set__in=tag_sets)


def counted(filter: ListFilter, pks: Sequence[int]) -> dict[str, Counter[str]]:
    return control_filter.counts(filter, Finding.objects.filter(pk__in=pks).values_list("pk", "tag_set"))


PRIORITIES = {str(value): word for value, word in Priority.choices}
SPEC = Spec(
    time="event_time",
    dimensions=(
        Dimension("rule", "rule", "Rule"),
        Dimension("priority", "priority", "Priority", PRIORITIES),
        Dimension("account", "account__account_id", "Account"),
        Dimension("region", "region", "Region"),
        Dimension("person", "session__person", "Person"),
        Dimension("cluster", "session__cluster", "Cluster"),
        *control_filter.dimensions(served_by),
        Dimension(
            "record_state", "record_state", "Record state", dict(RecordState.choices), default=RecordState.ACTIVE
        ),
    ),
    exact=((re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII), ("event__event_id",)),),
    text=("rule", "output"),
)
FACETS = ("priority", "rule", "framework", "control", "person", "cluster", "account", "region", "record_state")
COLUMNS = (
    "pk", "event_time", "rule", "priority", "output", "region", "session__person", "session__cluster",
    "session__container", "account__account_id", "account__alias", "record_state",
)  # fmt: skip


def shown(row: dict[str, Any], base: str) -> dict[str, str]:
    """A row as text for the template. `base` is the address of the list, under which the findings lie."""
    place = "/".join(name for name in (row["session__cluster"], row["session__container"]) if name)
    return {
        "url": f"{base}{row['pk']}/",
        "time": stamp(row["event_time"]),
        "rule": shortened(row["rule"], 80),
        "priority": str(row["priority"]),
        "priority_word": PRIORITIES[str(row["priority"])],
        "output": shortened(row["output"], 200),
        "person": shortened(row["session__person"] or "", 60),
        "place": shortened(place, 60),
        "account": shortened(row["account__alias"] or row["account__account_id"] or "", 30),
        "region": shortened(row["region"], 32),
        "archived": "Archived" if row["record_state"] == RecordState.ARCHIVED else "",
    }


EXPORT = (
    column("id", "pk"),
    *map(column, ("event_time", "rule")),
    column("priority", words=dict(Priority.choices)),
    *map(column, ("output", "output_fields", "source")),
    column("tags", "tag_set__tags"),
    column("account", "account__account_id"),
    column("account_alias", "account__alias"),
    column("region"),
    column("event_id", "event__event_id"),
    column("event_name", "event__event_name"),
    column("session", "session_id"),
    *(
        column(name, f"session__{name}")
        for name in ("person", "role_name", "cluster", "container", "task_id", "command")
    ),
    *map(column, ("record_state", "archived_at", "workflow_status", "close_reason")),
    column("assignee", "assignee__username"),
    column("group", "group_id"),
    *map(column, ("created_at", "updated_at")),
)
LISTING = Listing("findings", SPEC, FACETS, COLUMNS, shown, Finding, counted, EXPORT)
