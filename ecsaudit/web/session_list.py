"""The list of sessions: what it filters by, and its rows as ready text, because a template is slow at making it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q

from ecsaudit.cloudtrail.identity import short_role
from ecsaudit.cloudtrail.user_agent import Client
from ecsaudit.execsessions.models import ExecSession, Kind, Mode, Outcome
from ecsaudit.findings.models import Finding, Priority
from ecsaudit.visible import shortened
from ecsaudit.web import control_filter
from ecsaudit.web.control_filter import FEW
from ecsaudit.web.exports import column
from ecsaudit.web.filters import Dimension, ListFilter, Spec
from ecsaudit.web.lists import Listing
from ecsaudit.web.times import stamp


def served_by(tag_sets: Sequence[int]) -> Q:
    """Sessions with a finding of one of these tag sets: a few by their ids, or else each session is asked.

    Asking each is fast where many have one, because a page is soon full; where few have, it would go through the table.
    """
    found = Finding.objects.active().filter(tag_set__in=tag_sets, session__isnull=False).order_by()
    sessions = list(found.values_list("session", flat=True)[: FEW + 1])
    if len(sessions) <= FEW:
        return Q(pk__in=set(sessions))
    return Q(Exists(found.filter(session=OuterRef("pk"))))


def counted(filter: ListFilter, pks: Sequence[int]) -> dict[str, Counter[str]]:
    pairs = Finding.objects.active().filter(session__in=pks).order_by().values_list("session", "tag_set").distinct()
    return control_filter.counts(filter, pairs)


SPEC = Spec(
    time="started_at",
    dimensions=(
        Dimension("person", "person", "Person"),
        Dimension("role", "role_name", "Role"),
        Dimension("account", "account__account_id", "Account"),
        Dimension("region", "region", "Region"),
        Dimension("cluster", "cluster", "Cluster"),
        Dimension("container", "container", "Container"),
        Dimension("kind", "kind", "Kind", dict(Kind.choices)),
        Dimension("mode", "mode", "Mode", dict(Mode.choices)),
        Dimension("outcome", "outcome", "Outcome", dict(Outcome.choices)),
        Dimension("client", "client", "Client", dict(Client.choices)),
        Dimension("task", "task_id", "Task"),
        Dimension(
            "priority", "worst_priority", "Worst finding", {str(value): word for value, word in Priority.choices}
        ),
        *control_filter.dimensions(served_by),
    ),
    exact=(
        (re.compile(r"[0-9a-f]{32}", re.ASCII), ("task_id",)),
        (re.compile(r".+-0?[0-9a-z]{16,26}", re.ASCII), ("ssm_session_id",)),
        (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII), ("event__event_id",)),
    ),
    text=("person", "cluster", "container", "command", "source_ip_address"),
)
FACETS = (
    "outcome",
    "kind",
    "mode",
    "priority",
    "framework",
    "control",
    "person",
    "role",
    "cluster",
    "container",
    "account",
    "region",
    "client",
)
COLUMNS = (
    "pk", "started_at", "person", "role_name", "cluster", "service", "container", "task_id", "command", "kind", "mode",
    "outcome", "error_code", "client", "source_ip_address", "finding_count", "worst_priority", "region",
    "account__account_id", "account__alias",
)  # fmt: skip
MODES, CLIENTS = dict(Mode.choices), dict(Client.choices)
PRIORITIES = dict(Priority.choices)


def shown(row: dict[str, Any], base: str) -> dict[str, str]:
    """A row as text for the template. `base` is the address of the list, under which the sessions lie."""
    worst = row["worst_priority"]
    return {
        "url": f"{base}{row['pk']}/",
        "time": stamp(row["started_at"]),
        "person": shortened(row["person"], 60),
        "role": shortened(short_role(row["role_name"]), 48),
        "cluster": shortened(row["cluster"], 48) or "unknown cluster",
        "place": shortened("/".join(name for name in (row["service"], row["container"]) if name), 48),
        "task": shortened(row["task_id"], 8),
        "command": shortened(row["command"], 120),
        "mode": MODES[row["mode"]],
        "kind": row["kind"],
        "outcome": row["outcome"],
        "error": shortened(row["error_code"], 40),
        "client": CLIENTS[row["client"]],
        "source": shortened(row["source_ip_address"], 40),
        "priority": "" if worst is None else str(worst),
        "priority_word": "" if worst is None else PRIORITIES[worst],
        "findings": str(row["finding_count"] or ""),
        "account": shortened(row["account__alias"] or row["account__account_id"], 30),
        "region": shortened(row["region"], 32),
    }


EXPORT = (
    column("id", "pk"),
    *map(column, ("started_at", "ended_at", "person", "identity_kind", "role_name", "user_arn")),
    column("account", "account__account_id"),
    column("account_alias", "account__alias"),
    *map(column, (
        "region", "cluster", "service", "container", "task_id", "command", "kind", "mode", "outcome", "error_code",
        "error_message", "client", "source_ip_address", "user_agent", "ssm_session_id", "finding_count",
    )),
    column("worst_priority", words=PRIORITIES),
    column("event_id", "event__event_id"),
)  # fmt: skip
LISTING = Listing("sessions", SPEC, FACETS, COLUMNS, shown, ExecSession, counted, EXPORT)
