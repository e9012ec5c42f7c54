"""Facts from the database: of many findings by one query, and of exec sessions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from ecsaudit.cloudtrail.identity import identify, short_role
from ecsaudit.cloudtrail.models import EventBody
from ecsaudit.cloudtrail.record import read
from ecsaudit.execsessions.facts import EXECUTE_COMMAND, START_SESSION
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.execsessions.services import outer
from ecsaudit.findings.fingerprint import digest
from ecsaudit.findings.models import Finding, WorkflowStatus
from ecsaudit.notifications.health import key_of
from ecsaudit.notifications.models import Channel
from ecsaudit.policies.facts import Circumstances, Facts

# Events whose target is a container; of others it is a service: see findings.fingerprint.
OF_CONTAINERS = (EXECUTE_COMMAND, START_SESSION)
FINDING_COLUMNS = (
    "pk", "rule", "priority", "tag_set__tags", "group_id", "region", "event_time", "source", "event_id",
    "event__event_name", "account__account_id", "account__alias", "session_id", "session__person", "workflow_status",
    "session__role_name", "session__cluster", "session__service", "session__container", "group__person",
    "group__cluster", "group__target", "group__fingerprint",
)  # fmt: skip
SESSION_COLUMNS = (
    "pk", "account__account_id", "account__alias", "region", "cluster", "service", "container", "person", "role_name",
    "started_at",
)  # fmt: skip


def facts_of(findings: QuerySet[Finding], *, with_roles: bool) -> list[Facts]:
    """In the order of the findings. With `with_roles`, who acted without an exec session is read from the event, by one
    query more."""
    rows = list(findings.values(*FINDING_COLUMNS))
    about = channels_told_of(rows)
    roles = roles_without_session(rows) if with_roles else {}
    return [finding_facts(row, roles.get(row["event_id"], ()), about.get(row["pk"], "")) for row in rows]


def channels_told_of(rows: Iterable[dict[str, Any]]) -> dict[int, str]:
    """Finding → the id of the channel that it is about, of ecsaudit's own findings: few, and mostly none."""
    own = [row for row in rows if row["event_id"] is None]
    if not own:
        return {}
    channels = {digest(["ecsaudit", key_of(channel)]): str(channel.pk) for channel in Channel.objects.only("pk")}
    return {row["pk"]: channels.get(row["group__fingerprint"], "") for row in own}


def roles_without_session(rows: Iterable[dict[str, Any]]) -> dict[int, tuple[str, ...]]:
    ids = {row["event_id"] for row in rows if row["session_id"] is None and row["event_id"] is not None}
    if not ids:
        return {}
    bodies = EventBody.objects.filter(event__in=ids).select_related("event")
    return {body.event_id: spellings(identify(read(body.text, outer(body.event))).role_name) for body in bodies}


def finding_facts(row: dict[str, Any], roles: tuple[str, ...], about_channel: str) -> Facts:
    of_session = row["session_id"] is not None
    of_container = row["event__event_name"] in OF_CONTAINERS
    target = row["group__target"]
    return Facts(
        pk=row["pk"],
        rule=row["rule"],
        priority=row["priority"],
        tags=tuple(row["tag_set__tags"]),
        group_key=str(row["group_id"]),
        circumstances=Circumstances(
            accounts=accounts_of(row),
            region=row["region"],
            cluster=row["session__cluster"] if of_session else row["group__cluster"],
            service=row["session__service"] if of_session else "" if of_container else target,
            container=row["session__container"] if of_session else target if of_container else "",
            person=row["session__person"] if of_session else row["group__person"],
            roles=spellings(row["session__role_name"]) if of_session else roles,
            at=row["event_time"],
        ),
        about_channel=about_channel,
        is_suppressed=row["workflow_status"] == WorkflowStatus.SUPPRESSED,
    )


def circumstances_of(sessions: QuerySet[ExecSession]) -> list[Circumstances]:
    return [
        Circumstances(
            accounts=accounts_of(row),
            region=row["region"],
            cluster=row["cluster"],
            service=row["service"],
            container=row["container"],
            person=row["person"],
            roles=spellings(row["role_name"]),
            at=row["started_at"],
        )
        for row in sessions.values(*SESSION_COLUMNS)
    ]


def accounts_of(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (row["account__account_id"], row["account__alias"])))


def spellings(role_name: str | None) -> tuple[str, ...]:
    """A role's name, and what people call it."""
    return tuple(dict.fromkeys((role_name, short_role(role_name)))) if role_name else ()
