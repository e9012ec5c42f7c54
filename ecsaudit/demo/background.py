"""What else happens around the clusters: deployments, configuration, and sessions that are not ECS Exec."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from ecsaudit.demo import digests
from ecsaudit.demo.accounts import ACCOUNTS, DATA, PRODUCTION, STAGING, Task, cluster, deployed_on, task_on
from ecsaudit.demo.callers import AwsService, RoleSession
from ecsaudit.demo.calls import Actor, Call
from ecsaudit.demo.clients import CONSOLE, Client
from ecsaudit.demo.configuration_calls import (
    assume_task_role,
    create_service,
    describe_services,
    run_task,
    update_service,
)
from ecsaudit.demo.exec_calls import Attempt, describe_task, opened
from ecsaudit.demo.people import DEPLOYMENT, HUGO, JONAS, LIAM, MARIA, PRIYA
from ecsaudit.demo.ssm_calls import session_id_for, start_session, terminate_session

ECS_TASKS = Actor(AwsService("ecs-tasks.amazonaws.com"), "ecs-tasks.amazonaws.com", Client("ecs-tasks.amazonaws.com"))
SCHEDULER = Actor(
    RoleSession("ecsEventsRole", "nightly-load", invoked_by="events.amazonaws.com"),
    "events.amazonaws.com",
    Client("events.amazonaws.com"),
)


def background_of_day(day: date, chance: Random, *, quiet: bool) -> Iterator[Call]:
    """The day's other calls, in no order."""
    yield from _scheduled(day, chance)
    if quiet or day.weekday() >= 5:
        return
    yield from _deployments(day, chance)
    yield from _configuration(day, chance)
    yield from _instances(day, chance)
    yield from _looks(day, chance)


def _at(day: date, chance: Random, first_hour: int, last_hour: int) -> datetime:
    return datetime.combine(day, time(chance.randint(first_hour, last_hour)), UTC) + timedelta(
        seconds=chance.randrange(3600)
    )


def _scheduled(day: date, chance: Random) -> Iterator[Call]:
    """EventBridge runs the nightly load, and ECS fetches credentials for the new tasks."""
    home = cluster(DATA, "etl", "eu-central-1")
    task = task_on(day, DATA, home, home.services[0])
    at = _at(day, chance, 1, 1)
    yield run_task(SCHEDULER, at, task)
    yield assume_task_role(ECS_TASKS, at + timedelta(seconds=21), task)


def _deployments(day: date, chance: Random) -> Iterator[Call]:
    """A service whose tasks are new today was deployed by the pipeline; Django's then get their migrations."""
    for home in ACCOUNTS:
        for place in home.clusters:
            for service in place.services:
                if not deployed_on(home.id, place, service, day):
                    continue
                actor, at = DEPLOYMENT.at_work(chance), _at(day, chance, 6, 13)
                task = task_on(day, home.id, place, service)
                yield update_service(actor, at, task)
                if service.stack == "django":
                    command = "python manage.py migrate --noinput"
                    yield from opened(Attempt(actor, at + timedelta(minutes=4), task, command))


def _configuration(day: date, chance: Random) -> Iterator[Call]:
    """Once a week or so, somebody allows ECS Exec on a service or makes a new one with it."""
    staging = cluster(STAGING, "staging-web", "eu-west-1")
    task = task_on(day, STAGING, staging, staging.services[1])
    if chance.random() < 0.15:
        by_console = Actor(PRIYA.caller, PRIYA.addresses[0], CONSOLE)
        yield update_service(by_console, _at(day, chance, 8, 15), task, enable_execute_command=True)
    if chance.random() < 0.06:
        name = f"preview-{chance.randint(100, 999)}"
        yield create_service(LIAM.at_work(chance), _at(day, chance, 14, 20), task, name)
    if chance.random() < 0.12:
        yield run_task(MARIA.at_work(chance), _at(day, chance, 8, 15), task, command=["sleep", "3600"])


def _instances(day: date, chance: Random) -> Iterator[Call]:
    """Session Manager on EC2 instances: the same event name, but no container."""
    for person, place in ((JONAS, (PRODUCTION, "eu-west-1")), (HUGO, (DATA, "eu-central-1"))):
        if chance.random() > 0.55:
            continue
        actor, at = person.at_work(chance), _at(day, chance, 7, 15)
        instance = f"i-0{digests.hexadecimal(16, 'instance', place, chance.randrange(6))}"
        yield start_session(actor, at, place, instance)
        if chance.random() < 0.25:
            session_id = session_id_for(actor, at, place, instance)
            yield terminate_session(actor, at + timedelta(minutes=chance.randint(3, 50)), place, session_id)


def _looks(day: date, chance: Random) -> Iterator[Call]:
    for person in chance.sample((JONAS, MARIA, PRIYA, LIAM), 2):
        actor, task = person.at_work(chance), _web_task(day)
        at = _at(day, chance, 8, 16)
        yield describe_services(actor, at, task)
        yield describe_task(actor, at + timedelta(seconds=chance.randint(2, 40)), task)


def _web_task(day: date) -> Task:
    home = cluster(PRODUCTION, "prod-web", "eu-west-1")
    return task_on(day, PRODUCTION, home, home.services[0])
