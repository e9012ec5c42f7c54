"""From CloudTrail records to the facts of one exec session. Pure: the same records give the same facts in any order.

Sources: ecs:ExecuteCommand; ssm:StartSession on a target `ecs:<cluster>_<task>_<runtime>`; ssm:TerminateSession.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ecsaudit.cloudtrail import arn
from ecsaudit.cloudtrail.identity import IdentityKind, identify, is_ecs_itself
from ecsaudit.cloudtrail.record import Record, section, storable, string
from ecsaudit.cloudtrail.user_agent import Client, client_of
from ecsaudit.execsessions.commands import mode_of
from ecsaudit.execsessions.models import Kind, Mode, Outcome

EXECUTE_COMMAND = "ExecuteCommand"
START_SESSION = "StartSession"
RESUME_SESSION = "ResumeSession"
TERMINATE_SESSION = "TerminateSession"
# What must be asked of CloudTrail so that sessions can be told.
EVENT_NAMES = (EXECUTE_COMMAND, START_SESSION, RESUME_SESSION, TERMINATE_SESSION)
ECS = "ecs.amazonaws.com"
SSM = "ssm.amazonaws.com"
DENIED = re.compile(r"AccessDenied|Unauthorized", re.I)
TASK_IN_MESSAGE = re.compile(r"arn:[\w-]+:ecs:[\w-]*:\d*:task/[\w/-]+", re.ASCII)
PORT_FORWARDING = "AWS-StartPortForwarding"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a session goes. Empty text where the record doesn't say."""

    cluster: str
    task_id: str
    container: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Every column of ExecSession that comes from the record that opened it."""

    kind: Kind
    mode: Mode
    outcome: Outcome
    started_at: datetime
    person: str
    identity_kind: IdentityKind
    role_name: str
    user_arn: str
    cluster: str
    task_id: str
    container: str
    command: str
    source_ip_address: str
    client: Client
    user_agent: str
    error_code: str
    error_message: str
    ssm_session_id: str


def opens_session(record: Record) -> bool:
    """Whether the record is somebody's way, or try, into a container. ECS's own StartSession follows an ExecuteCommand."""
    return is_execute_command(record) or (is_direct_start(record) and not is_ecs_itself(record))


def is_execute_command(record: Record) -> bool:
    # A dry run opens nothing.
    return (
        record.event_name == EXECUTE_COMMAND
        and record.event_source in (ECS, "")
        and string(record.section("requestParameters"), "dryrun").lower() != "true"
    )


def is_direct_start(record: Record) -> bool:
    """ssm:StartSession on a container."""
    target = string(record.section("requestParameters"), "target")
    return record.event_name == START_SESSION and record.event_source in (SSM, "") and target.startswith("ecs:")


def ssm_session_id(record: Record) -> str:
    """The SSM session that the record is about: from the answer, else from the request; empty when there is none."""
    response = record.section("responseElements")
    if record.event_name == EXECUTE_COMMAND:
        found = string(section(response, "session"), "sessionId")
    elif record.event_name in (START_SESSION, RESUME_SESSION, TERMINATE_SESSION):
        found = string(response, "sessionId") or string(record.section("requestParameters"), "sessionId")
    else:
        found = ""
    return storable(found, 128)


def facts_of(record: Record) -> Facts:
    """The session that an opening record (see opens_session) tells of."""
    identity = identify(record)
    target = target_of(record)
    command = command_of(record)
    user_agent = record.string("userAgent")
    return Facts(
        kind=Kind.EXEC if record.event_name == EXECUTE_COMMAND or is_ecs_itself(record) else Kind.AROUND,
        mode=session_mode(record, command),
        outcome=outcome_of(record),
        started_at=record.event_time,
        person=storable(identity.person, 256),
        identity_kind=identity.kind,
        role_name=storable(identity.role_name, 256),
        user_arn=storable(identity.arn, 2048),
        cluster=storable(target.cluster, 256),
        task_id=storable(target.task_id, 256),
        container=storable(target.container, 256),
        command=storable(command),
        source_ip_address=storable(record.string("sourceIPAddress"), 256),
        client=client_of(user_agent),
        user_agent=storable(user_agent),
        error_code=storable(record.string("errorCode"), 128),
        error_message=storable(record.string("errorMessage")),
        ssm_session_id=ssm_session_id(record),
    )


def outcome_of(record: Record) -> Outcome:
    error_code = record.string("errorCode")
    if DENIED.search(error_code):
        return Outcome.DENIED
    if error_code or record.string("errorMessage"):
        return Outcome.FAILED
    return Outcome.OPENED


def target_of(record: Record) -> Target:
    request, response = record.section("requestParameters"), record.section("responseElements")
    if record.event_name == START_SESSION:
        return ssm_target(string(request, "target"))
    return exec_target(request, response, record.string("errorMessage"))


def exec_target(request: Mapping[str, Any], response: Mapping[str, Any], error_message: str) -> Target:
    """ECS's answer names everything in full; a refused call has only the request, or only the error message."""
    named = TASK_IN_MESSAGE.search(error_message)
    task = string(response, "taskArn") or string(request, "task") or (named[0] if named else "")
    cluster = string(response, "clusterArn") or string(request, "cluster") or arn.cluster_of_task(task)
    if not cluster and task:
        # What ECS takes when a call names no cluster.
        cluster = "default"
    return Target(
        cluster=arn.resource_name(cluster, "cluster"),
        task_id=arn.resource_name(task, "task"),
        container=string(response, "containerName") or string(request, "container"),
    )


def ssm_target(target: str) -> Target:
    """`ecs:<cluster>_<task>_<runtime>`; only the cluster's name may hold underscores."""
    parts = target.removeprefix("ecs:").rsplit("_", 2)
    if len(parts) != 3:
        return Target(cluster=parts[0], task_id="", container="")
    return Target(cluster=parts[0], task_id=parts[1], container="")


def command_of(record: Record) -> str:
    request = record.section("requestParameters")
    if record.event_name == EXECUTE_COMMAND:
        return string(request, "command")
    commands = section(request, "parameters").get("command")
    return commands[0] if isinstance(commands, list) and commands and isinstance(commands[0], str) else ""


def session_mode(record: Record, command: str) -> Mode:
    if record.event_name != START_SESSION or command:
        return mode_of(command)
    document = string(record.section("requestParameters"), "documentName")
    return Mode.PORT_FORWARD if document.startswith(PORT_FORWARDING) else Mode.SHELL
