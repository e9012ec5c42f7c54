"""Sessions opened around ECS Exec, and transcripts switched off."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from ecsaudit.demo.accounts import DATA, PRODUCTION, Task, cluster, task_on
from ecsaudit.demo.calls import Actor, Call
from ecsaudit.demo.clients import BOTO3, CLI_LINUX
from ecsaudit.demo.configuration_calls import NO_LOGGING, logging_to, update_cluster
from ecsaudit.demo.exec_calls import Attempt, Refusal, describe_task, opened, refused
from ecsaudit.demo.people import ELENA, LIAM, SOFIA
from ecsaudit.demo.ssm_calls import end_by_plugin, session_id_for, start_session

SUPPORT = Actor(ELENA.caller, "203.0.113.24", CLI_LINUX)
ANALYST = Actor(SOFIA.caller, "198.51.100.132", CLI_LINUX)


def session_around_exec(day: date) -> Iterator[Call]:
    """A support engineer is denied ExecuteCommand five times, then goes straight to Session Manager."""
    home = cluster(PRODUCTION, "prod-payments", "eu-west-1")
    tasks = [task_on(day, PRODUCTION, home, home.services[0], replica=replica) for replica in range(3)]
    at = datetime.combine(day, time(15, 4, 12), UTC)
    for number, command in enumerate(("/bin/bash", "/bin/sh", "/bin/bash", "env", "/bin/bash")):
        yield refused(Attempt(SUPPORT, at, tasks[number % 3], command), Refusal.DENIED)
        at += timedelta(seconds=35 + 17 * number)
    yield describe_task(SUPPORT, at + timedelta(seconds=50), tasks[0])
    yield start_session(SUPPORT, at + timedelta(minutes=4), _place(tasks[0]), tasks[0].target)


def port_forward(day: date) -> Iterator[Call]:
    """A data engineer reaches the payments database through a container."""
    home = cluster(PRODUCTION, "prod-payments", "eu-west-1")
    task = task_on(day, PRODUCTION, home, home.services[1])
    at = datetime.combine(day, time(9, 41, 3), UTC)
    parameters = {"host": ["payments-db.internal.example.com"], "portNumber": ["5432"], "localPortNumber": ["15432"]}
    yield start_session(
        ANALYST,
        at,
        _place(task),
        task.target,
        document="AWS-StartPortForwardingSessionToRemoteHost",
        parameters=parameters,
    )
    session_id = session_id_for(ANALYST, at, _place(task), task.target)
    yield end_by_plugin(ANALYST, at + timedelta(minutes=38), _place(task), session_id)


def no_transcripts(day: date) -> Iterator[Call]:
    """Transcripts are switched off on a cluster for four days, and shells are opened meanwhile."""
    home = cluster(DATA, "etl", "us-east-1")
    task = task_on(day, DATA, home, home.services[0])
    administrator = Actor(LIAM.caller, "198.51.100.88", BOTO3)
    at = datetime.combine(day, time(16, 20, 41), UTC)
    yield update_cluster(administrator, at, task, NO_LOGGING)
    for minutes, command in ((6, "/bin/bash"), (31, "/bin/bash"), (55, "cat ~/.aws/credentials")):
        yield from opened(Attempt(administrator, at + timedelta(minutes=minutes), task, command))
    yield update_cluster(administrator, at + timedelta(days=4), task, logging_to("/ecs/exec/etl"))


def _place(task: Task) -> tuple[str, str]:
    return task.account_id, task.region
