"""ECS Exec: the ExecuteCommand call, opened or refused, and what comes with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ecsaudit.demo import digests
from ecsaudit.demo.accounts import Task
from ecsaudit.demo.calls import Actor, Call, Fields
from ecsaudit.demo.ssm_calls import session_behind_exec, stream_url

# CloudTrail keeps no other value out of ECS: the service accepts interactive commands only.
INTERACTIVE = True


class Refusal(Enum):
    """Why an exec fails."""

    DENIED = "no identity-based policy allows it"
    DENIED_BY_ORGANIZATION = "a service control policy denies it"
    NOT_CONNECTED = "the agent in the container does not answer"
    NOT_ENABLED = "the task was started without ECS Exec"
    NO_CLUSTER = "there is no such cluster"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to run `command` in the container of `task`."""

    actor: Actor
    at: datetime
    task: Task
    command: str

    @property
    def place(self) -> tuple[str, str]:
        """Account id and Region."""
        return self.task.account_id, self.task.region

    @property
    def session_id(self) -> str:
        return f"ecs-execute-command-{digests.session_suffix('exec', *self._words())}"

    def draw(self, *words: object) -> int:
        """A number below 100 that is always the same for this attempt and these words."""
        return digests.number(*words, *self._words()) % 100

    def _words(self) -> tuple[object, ...]:
        return (self.at.isoformat(), self.task.arn, self.task.container, self.actor.address, self.command)


def opened(attempt: Attempt) -> Sequence[Call]:
    """ExecuteCommand and, for most, the session that ECS starts for it and the AWS CLI's look at the task."""
    task, at = attempt.task, attempt.at
    calls = [_execute_command(attempt, _request(attempt), response=_response(attempt))]
    if attempt.draw("behind") < 93:
        calls.append(session_behind_exec(at, task, attempt.command, attempt.session_id))
    if attempt.actor.client.looks_up_task and attempt.draw("look") < 45:
        calls.append(describe_task(attempt.actor, at + timedelta(seconds=1), task))
    return calls


def refused(attempt: Attempt, refusal: Refusal) -> Call:
    """An ExecuteCommand with an errorCode and without responseElements. A denied one may have lost its request."""
    error = _error(attempt, refusal)
    denied = error[0].startswith("AccessDenied")
    request = None if denied and attempt.draw("request") < 60 else _request(attempt)
    return _execute_command(attempt, request, error=error)


def describe_task(actor: Actor, at: datetime, task: Task) -> Call:
    return Call(
        at=at,
        account_id=task.account_id,
        region=task.region,
        actor=actor,
        service="ecs",
        operation="DescribeTasks",
        request={"cluster": task.cluster, "tasks": [task.id]},
        read_only=True,
        fate=task.id,
    )


def _execute_command(
    attempt: Attempt, request: Fields | None, *, response: Fields | None = None, error: tuple[str, str] | None = None
) -> Call:
    return Call(
        at=attempt.at,
        account_id=attempt.task.account_id,
        region=attempt.task.region,
        actor=attempt.actor,
        service="ecs",
        operation="ExecuteCommand",
        request=request,
        response=response,
        error=error,
        fate=attempt.session_id,
    )


def _request(attempt: Attempt) -> Fields:
    """People write names or ARNs, and leave the container out where there is only one."""
    task = attempt.task
    request: dict[str, object] = {"cluster": task.cluster_arn if attempt.draw("cluster") < 20 else task.cluster}
    if not task.only_container or attempt.draw("container") < 50:
        request["container"] = task.container
    request["command"] = attempt.command
    if attempt.draw("dryrun") < 15:
        request["dryrun"] = False
    request["interactive"] = INTERACTIVE
    request["task"] = task.arn if attempt.draw("task") < 40 else task.id
    return request


def _response(attempt: Attempt) -> Fields:
    task = attempt.task
    return {
        "clusterArn": task.cluster_arn,
        "containerArn": task.container_arn,
        "containerName": task.container,
        "interactive": INTERACTIVE,
        "session": {
            "sessionId": attempt.session_id,
            "streamUrl": stream_url(task.region, attempt.session_id),
            "tokenValue": "HIDDEN_DUE_TO_SECURITY_REASONS",
        },
        "taskArn": task.arn,
    }


def _error(attempt: Attempt, refusal: Refusal) -> tuple[str, str]:
    task = attempt.task
    arn = attempt.actor.caller(task.account_id, attempt.at).get("arn")
    denied = f"User: {arn} is not authorized to perform: ecs:ExecuteCommand on resource: {task.arn}"
    match refusal:
        case Refusal.DENIED:
            code = "AccessDeniedException" if attempt.draw("code") < 70 else "AccessDenied"
            return code, f"{denied} because no identity-based policy allows the ecs:ExecuteCommand action"
        case Refusal.DENIED_BY_ORGANIZATION:
            return "AccessDeniedException", f"{denied} with an explicit deny in a service control policy"
        case Refusal.NOT_CONNECTED:
            message = "The execute command failed due to an internal error. Try again later."
            return "TargetNotConnectedException", message
        case Refusal.NOT_ENABLED:
            return "InvalidParameterException", (
                "The execute command failed because execute command was not enabled when the task was run or the "
                "execute command agent isn't running. Wait and try again or run a new task with execute command "
                "enabled and try again."
            )
        case Refusal.NO_CLUSTER:
            return "ClusterNotFoundException", "Cluster not found."
