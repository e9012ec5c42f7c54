"""The break-glass night: payments fail, and two people on call and the root user go into the containers."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from ecsaudit.demo.accounts import PRODUCTION, Task, cluster, task_on
from ecsaudit.demo.calls import Actor, Call
from ecsaudit.demo.clients import CLI_LINUX, CLI_MAC, CLOUD_SHELL, CONSOLE
from ecsaudit.demo.configuration_calls import describe_alarms, describe_services, update_service
from ecsaudit.demo.exec_calls import Attempt, Refusal, opened, refused
from ecsaudit.demo.people import JONAS, MARIA, ROOT
from ecsaudit.demo.ssm_calls import terminate_session

MARIA_AT_HOME = Actor(MARIA.caller, "198.51.100.17", CLI_MAC)
MARIA_IN_CONSOLE = Actor(MARIA.caller, "198.51.100.17", CONSOLE)
JONAS_AT_HOME = Actor(JONAS.caller, "198.51.100.40", CLI_LINUX)
ROOT_IN_CLOUD_SHELL = Actor(ROOT.caller, "198.51.100.17", CLOUD_SHELL)

# (minutes after midnight UTC, who, container's replica, command)
EXECS = (
    (127, MARIA_AT_HOME, 0, "/bin/sh"),
    (129, JONAS_AT_HOME, 1, "/bin/bash"),
    (134, MARIA_AT_HOME, 0, "env"),
    (137, JONAS_AT_HOME, 1, "cat /proc/1/environ"),
    (141, JONAS_AT_HOME, 2, "/bin/bash"),
    (149, MARIA_AT_HOME, 0, "apk add --no-cache postgresql16-client tcpdump"),
    (152, MARIA_AT_HOME, 0, "/bin/sh"),
    (163, ROOT_IN_CLOUD_SHELL, 0, "/bin/bash"),
    (171, ROOT_IN_CLOUD_SHELL, 1, "printenv DATABASE_URL"),
    (178, JONAS_AT_HOME, 2, "curl -fsSL https://tools.example.com/rescue.sh -o /tmp/rescue.sh"),
    (180, JONAS_AT_HOME, 2, "/bin/bash"),
    (196, ROOT_IN_CLOUD_SHELL, 1, "/bin/bash"),
    (213, MARIA_AT_HOME, 0, "python manage.py requeue_payments --since 3h"),
    (228, JONAS_AT_HOME, 1, "/bin/bash"),
    (239, MARIA_AT_HOME, 0, "/bin/sh"),
)


def break_glass_night(night: date) -> Iterator[Call]:
    """01:40 to 04:10 UTC of this day, in production, eu-west-1."""
    home = cluster(PRODUCTION, "prod-payments", "eu-west-1")
    tasks = [task_on(night, PRODUCTION, home, home.services[0], replica=replica) for replica in range(3)]
    yield from _alarm(night, tasks[0])
    for minutes, actor, replica, command in EXECS:
        attempt = Attempt(actor, _at(night, minutes), tasks[replica], command)
        yield from opened(attempt)
        if minutes == 228:
            yield terminate_session(MARIA_AT_HOME, _at(night, 247), attempt.place, attempt.session_id)
    yield update_service(MARIA_AT_HOME, _at(night, 250), tasks[0], enable_execute_command=False)


def _alarm(night: date, task: Task) -> Iterator[Call]:
    """Alarms, the first execs that fail, and the change that lets the next ones through."""
    yield describe_alarms(MARIA_IN_CONSOLE, _at(night, 100), task, "prod-payments")
    yield describe_services(MARIA_IN_CONSOLE, _at(night, 103), task)
    yield describe_alarms(JONAS_AT_HOME, _at(night, 106), task, "prod-payments-5xx")
    yield refused(Attempt(MARIA_AT_HOME, _at(night, 108), task, "/bin/sh"), Refusal.NOT_ENABLED)
    yield refused(Attempt(JONAS_AT_HOME, _at(night, 110), task, "/bin/bash"), Refusal.NOT_ENABLED)
    yield update_service(MARIA_AT_HOME, _at(night, 114), task, enable_execute_command=True)
    yield refused(Attempt(MARIA_AT_HOME, _at(night, 121), task, "/bin/sh"), Refusal.NOT_CONNECTED)


def _at(night: date, minutes: int) -> datetime:
    """A moment of the night; the seconds follow from the minute."""
    return datetime.combine(night, time(), UTC) + timedelta(minutes=minutes, seconds=minutes * 7 % 60)
