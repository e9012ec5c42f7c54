"""Calls that change what ECS Exec may do, and others that only share their names."""

from datetime import datetime

from ecsaudit.demo.accounts import Task
from ecsaudit.demo.calls import Actor, Call, Fields

NO_LOGGING: Fields = {"logging": "NONE"}


def logging_to(log_group: str) -> Fields:
    """An executeCommandConfiguration that keeps transcripts."""
    return {
        "logging": "OVERRIDE",
        "logConfiguration": {"cloudWatchLogGroupName": log_group, "cloudWatchEncryptionEnabled": True},
    }


def update_service(actor: Actor, at: datetime, task: Task, *, enable_execute_command: bool | None = None) -> Call:
    """A new deployment of the task's service; None leaves ECS Exec as it is, which is enabled."""
    request: dict[str, object] = {"cluster": task.cluster, "service": task.service}
    if enable_execute_command is not None:
        request["enableExecuteCommand"] = enable_execute_command
    request["forceNewDeployment"] = True
    enabled = enable_execute_command is not False
    return _ecs(actor, at, task, "UpdateService", request, {"service": _service(task, enabled)})


def create_service(actor: Actor, at: datetime, task: Task, name: str) -> Call:
    """A new service beside the task's, with ECS Exec from the start."""
    request = {
        "cluster": task.cluster,
        "serviceName": name,
        "taskDefinition": f"{name}:1",
        "desiredCount": 1,
        "launchType": "FARGATE",
        "enableExecuteCommand": True,
    }
    response = {"service": {"clusterArn": task.cluster_arn, "serviceName": name, "enableExecuteCommand": True}}
    return _ecs(actor, at, task, "CreateService", request, response)


def update_cluster(actor: Actor, at: datetime, task: Task, execute_command: Fields) -> Call:
    """Change how the task's cluster keeps transcripts."""
    configuration = {"executeCommandConfiguration": execute_command}
    request = {"cluster": task.cluster, "configuration": configuration}
    cluster = {
        "clusterArn": task.cluster_arn,
        "clusterName": task.cluster,
        "configuration": configuration,
        "status": "ACTIVE",
    }
    return _ecs(actor, at, task, "UpdateCluster", request, {"cluster": cluster})


def run_task(actor: Actor, at: datetime, task: Task, *, command: list[str] | None = None) -> Call:
    """A task beside the service; with a command of its own it is a debugging task that allows ECS Exec."""
    request: dict[str, object] = {
        "cluster": task.cluster,
        "taskDefinition": f"{task.service}:{at.timetuple().tm_yday}",
        "count": 1,
        "launchType": task.launch_type,
    }
    if command is not None:
        request["enableExecuteCommand"] = True
        request["overrides"] = {"containerOverrides": [{"name": task.container, "command": command}]}
    return _ecs(actor, at, task, "RunTask", request, {"tasks": [{"clusterArn": task.cluster_arn}], "failures": []})


def describe_services(actor: Actor, at: datetime, task: Task) -> Call:
    request = {"cluster": task.cluster, "services": [task.service]}
    return _ecs(actor, at, task, "DescribeServices", request, None, read_only=True)


def describe_alarms(actor: Actor, at: datetime, task: Task, prefix: str) -> Call:
    return Call(
        at=at,
        account_id=task.account_id,
        region=task.region,
        actor=actor,
        service="monitoring",
        operation="DescribeAlarms",
        request={"alarmNamePrefix": prefix, "stateValue": "ALARM"},
        read_only=True,
    )


def assume_task_role(actor: Actor, at: datetime, task: Task) -> Call:
    """The ECS service fetches the credentials of a task."""
    role = f"{task.service}-task"
    assumed = f"arn:aws:sts::{task.account_id}:assumed-role/{role}/{task.id}"
    return Call(
        at=at,
        account_id=task.account_id,
        region=task.region,
        actor=actor,
        service="sts",
        operation="AssumeRole",
        request={"roleArn": f"arn:aws:iam::{task.account_id}:role/{role}", "roleSessionName": task.id},
        response={"assumedRoleUser": {"arn": assumed}},
        read_only=True,
        fate=task.id,
    )


def _service(task: Task, enabled: bool) -> Fields:
    return {
        "serviceArn": f"arn:aws:ecs:{task.region}:{task.account_id}:service/{task.cluster}/{task.service}",
        "serviceName": task.service,
        "clusterArn": task.cluster_arn,
        "status": "ACTIVE",
        "launchType": task.launch_type,
        "enableExecuteCommand": enabled,
    }


def _ecs(
    actor: Actor,
    at: datetime,
    task: Task,
    operation: str,
    request: Fields,
    response: Fields | None,
    *,
    read_only: bool = False,
) -> Call:
    return Call(
        at=at,
        account_id=task.account_id,
        region=task.region,
        actor=actor,
        service="ecs",
        operation=operation,
        request=request,
        response=response,
        read_only=read_only,
        fate=f"{task.cluster}/{task.service}",
    )
