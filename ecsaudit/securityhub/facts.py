"""What Security Hub is told about a finding, as plain values: from its columns, its event's record and its session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ecsaudit.cloudtrail import arn
from ecsaudit.cloudtrail.identity import identify
from ecsaudit.cloudtrail.record import EMPTY, Record, UnreadableText, read, section, string
from ecsaudit.execsessions.facts import EXECUTE_COMMAND, START_SESSION, command_of, ssm_session_id, target_of
from ecsaudit.execsessions.services import outer
from ecsaudit.findings.models import Finding, Priority, RecordState, WorkflowStatus


@dataclass(frozen=True, slots=True)
class Principal:
    """Who called AWS, as userIdentity says it; empty text where it doesn't."""

    kind: str = ""
    arn: str = ""
    role_arn: str = ""
    user_name: str = ""
    principal_id: str = ""
    access_key_id: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What it was done to, by names and, where the record has one, the container's ARN."""

    cluster: str = ""
    service: str = ""
    task_id: str = ""
    container: str = ""
    container_arn: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """A finding. Every text is hostile; `priority` is Falco's number; empty text where something isn't known."""

    account_id: str
    region: str
    event_id: str
    event_name: str
    event_source: str
    event_time: datetime
    created_at: datetime
    rule: str
    priority: Priority
    output: str
    is_archived: bool = False
    tags: tuple[str, ...] = ()
    person: str = ""
    principal: Principal = Principal()
    target: Target = Target()
    command: str = ""
    source_ip_address: str = ""
    user_agent: str = ""
    ssm_session_id: str = ""
    error_code: str = ""
    url: str = ""
    output_fields: Mapping[str, Any] = field(default_factory=dict)


def facts_of(finding: Finding, base_url: str) -> Facts:
    """`finding` with account, event, its body, session and tag set fetched; `base_url` is this installation's, or empty."""
    assert finding.account is not None and finding.event is not None
    event, record = finding.event, record_of(finding)
    return Facts(
        account_id=finding.account.account_id,
        region=finding.region,
        event_id=event.event_id,
        event_name=event.event_name,
        event_source=event.event_source,
        event_time=finding.event_time,
        created_at=finding.created_at,
        rule=finding.rule,
        priority=Priority(finding.priority),
        output=finding.output,
        is_archived=finding.record_state == RecordState.ARCHIVED or finding.workflow_status == WorkflowStatus.RESOLVED,
        tags=tuple(finding.tags),
        person=identify(record).person if record else "",
        principal=principal_of(record.section("userIdentity") if record else EMPTY),
        target=target_of_finding(finding, record),
        command=command_of(record) if record else "",
        source_ip_address=record.string("sourceIPAddress") if record else "",
        user_agent=record.string("userAgent") if record else "",
        ssm_session_id=ssm_session_id(record) if record else "",
        error_code=record.string("errorCode") if record else "",
        url=f"{base_url}{finding.get_absolute_url()}" if base_url else "",
        output_fields=finding.output_fields,
    )


def record_of(finding: Finding) -> Record | None:
    """The event's record; None for a text that can no longer be read, of which the columns still tell."""
    assert finding.event is not None
    try:
        return read(finding.event.raw_text, outer(finding.event))
    except UnreadableText:
        return None


def principal_of(user: Mapping[str, Any]) -> Principal:
    issuer = section(section(user, "sessionContext"), "sessionIssuer")
    return Principal(
        kind=string(user, "type"),
        arn=string(user, "arn"),
        role_arn=string(issuer, "arn") if string(issuer, "type") == "Role" else "",
        user_name=string(user, "userName"),
        principal_id=string(user, "principalId"),
        access_key_id=string(user, "accessKeyId"),
    )


def target_of_finding(finding: Finding, record: Record | None) -> Target:
    """From the record; what it lacks from the session that its event belongs to."""
    about = finding.session
    known = Target(about.cluster, about.service, about.task_id, about.container) if about else Target()
    if record is None:
        return known
    request = record.section("requestParameters")
    if record.event_name not in (EXECUTE_COMMAND, START_SESSION):
        cluster = string(request, "cluster") or string(request, "clusterName")
        service = string(request, "service") or string(request, "serviceName")
        return Target(
            arn.resource_name(cluster, "cluster") or known.cluster,
            arn.resource_name(service, "service") or known.service,
            known.task_id,
            known.container,
        )
    found = target_of(record)
    return Target(
        found.cluster or known.cluster,
        known.service,
        found.task_id or known.task_id,
        found.container or known.container,
        string(record.section("responseElements"), "containerArn"),
    )
