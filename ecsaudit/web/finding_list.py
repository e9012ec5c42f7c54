"""The list of findings, each by itself: what it filters by, and its rows as ready text. See group_list for the other view."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import F, Q
from django.db.models.lookups import In

from ecsaudit.findings.models import UNFINISHED, CloseReason, Finding, Priority, RecordState, WorkflowStatus
from ecsaudit.people.models import User
from ecsaudit.visible import shortened
from ecsaudit.web import control_filter
from ecsaudit.web.control_filter import FEW
from ecsaudit.web.exports import column
from ecsaudit.web.filters import ANY, Dimension, ListFilter, Spec
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
    rows = list(Finding.objects.filter(pk__in=pks).values_list("pk", "tag_set", "assignee__username"))
    counts = control_filter.counts(filter, [(pk, tag_set) for pk, tag_set, _ in rows])
    return counts | {"assignee": Counter(name or NOBODY for _, _, name in rows)}


def assigned_to(user_id: int | None) -> Callable[[Sequence[str]], Q]:
    """Findings of these people by their names; `me` is the user with this id."""

    def condition(names: Sequence[str]) -> Q:
        ids = {user_id} if ME in names else set()
        others = [name for name in names if name not in (ME, NOBODY)]
        if others:
            ids |= set(User.objects.filter(username__in=others).values_list("pk", flat=True))
        mine = Q(assignee__in=sorted(pk for pk in ids if pk is not None))
        return mine | Q(assignee__isnull=True) if NOBODY in names else mine

    return condition


def in_groups(numbers: Sequence[str]) -> Q:
    return Q(group__in=[int(number) for number in numbers])


class Numbers(Mapping[str, str]):
    """Every number of a row as a word for itself."""

    def __getitem__(self, key: str) -> str:
        if not (key.isascii() and key.isdigit() and len(key) < LONGEST_NUMBER):
            raise KeyError(key)
        return key

    def __iter__(self) -> Iterator[str]:
        return iter(["a number"])

    def __len__(self) -> int:
        return 1


LONGEST_NUMBER = 19
ME, NOBODY = "me", "nobody"
WHO = {ME: "Me", NOBODY: "Nobody"}
GROUPED, FLAT = "grouped", "flat"
# Beside other filters in the address of a list: all findings, however far people are with them, one by one.
ALL = {"workflow_status": ANY, "view": FLAT}
PRIORITIES = {str(value): word for value, word in Priority.choices}
STATUSES = {value: str(word) for value, word in WorkflowStatus.choices}
REASONS = {value: str(word) for value, word in CloseReason.choices}


def spec_for(user_id: int | None) -> Spec:
    """What this user's list can be filtered by."""
    return Spec(
        time="event_time",
        dimensions=(
            Dimension("workflow_status", "workflow_status", "Status", STATUSES, default=UNFINISHED),
            Dimension(
                "assignee", "", "Assignee", condition=assigned_to(user_id), short=lambda name: WHO.get(name, name)
            ),
            Dimension("close_reason", "close_reason", "Reason", dict(CloseReason.choices)),
            Dimension("group", "group", "Group", Numbers(), in_groups),
            Dimension("rule", "rule", "Rule"),
            Dimension("priority", "priority", "Priority", PRIORITIES),
            Dimension("account", "account__account_id", "Account"),
            Dimension("region", "region", "Region"),
            Dimension("person", "group__person", "Person"),
            Dimension("cluster", "group__cluster", "Cluster"),
            *control_filter.dimensions(served_by),
            Dimension(
                "record_state", "record_state", "Record state", dict(RecordState.choices), default=(RecordState.ACTIVE,)
            ),
        ),
        exact=((re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII), ("event__event_id",)),),
        text=("rule", "output"),
        by_default=Q(is_open=True),
        views={GROUPED: "Grouped", FLAT: "One by one"},
    )


SPEC = spec_for(None)
FACETS = (
    "priority", "workflow_status", "assignee", "rule", "person", "cluster", "framework", "control", "account", "region",
    "close_reason", "record_state",
)  # fmt: skip
COLUMNS = (
    "pk", "event_time", "rule", "priority", "output", "region", "group__person", "group__cluster", "group__target",
    "account__account_id", "account__alias", "record_state", "workflow_status", "close_reason",
    "assignee__username",
)  # fmt: skip


def shown(row: dict[str, Any], base: str) -> dict[str, str]:
    """A row as text for the template. `base` is the address of the list, under which the findings lie."""
    place = "/".join(name for name in (row["group__cluster"], row["group__target"]) if name)
    return {
        "url": f"{base}{row['pk']}/",
        "time": stamp(row["event_time"]),
        "rule": shortened(row["rule"], 80),
        "priority": str(row["priority"]),
        "priority_word": PRIORITIES[str(row["priority"])],
        "output": shortened(row["output"], 200),
        "person": shortened(row["group__person"], 60),
        "place": shortened(place, 60),
        "pk": str(row["pk"]),
        "account": shortened(row["account__alias"] or row["account__account_id"] or "", 30),
        "region": shortened(row["region"], 32),
        "status": row["workflow_status"],
        "status_word": STATUSES[row["workflow_status"]],
        "reason": REASONS.get(row["close_reason"], ""),
        "assignee": shortened(row["assignee__username"] or "", 40),
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
    *(column(name, f"group__{name}") for name in ("person", "cluster", "target")),
    *(column(name, f"session__{name}") for name in ("role_name", "container", "task_id", "command")),
    *map(column, ("record_state", "archived_at", "workflow_status", "close_reason")),
    column("assignee", "assignee__username"),
    column("group", "group_id"),
    *map(column, ("created_at", "updated_at")),
)
LISTING = Listing("findings", SPEC, FACETS, COLUMNS, shown, Finding, counted, EXPORT)


def listing_for(user_id: int | None) -> Listing:
    """The list as this user may ask for it: with findings of their own."""
    return replace(LISTING, spec=spec_for(user_id))
