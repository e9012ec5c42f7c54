"""What people do on any day: shells and one-shot commands during their working hours."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from ecsaudit.demo.accounts import PRODUCTION, Task, account, cluster, task_on
from ecsaudit.demo.calls import Actor, Call
from ecsaudit.demo.commands import any_command
from ecsaudit.demo.exec_calls import Attempt, Refusal, opened, refused
from ecsaudit.demo.people import COLLEAGUES, JONAS, NIGHTLY, Person
from ecsaudit.demo.ssm_calls import resume_session, terminate_session

EXECS_BY_WEEKDAY = (17, 21, 22, 20, 14)
SHARE_OF_FAILURES = 0.04
REFUSALS = {
    Refusal.DENIED: 4,
    Refusal.DENIED_BY_ORGANIZATION: 1,
    Refusal.NOT_CONNECTED: 3,
    Refusal.NOT_ENABLED: 3,
    Refusal.NO_CLUSTER: 2,
}
HOURS_OF_WORK = 9


def execs_of_day(day: date, chance: Random, *, quiet: bool) -> Iterator[Call]:
    """The day's execs with all that comes with them, in no order."""
    for _ in range(_visits(day, chance, quiet=quiet)):
        person = chance.choices(COLLEAGUES, [colleague.busyness for colleague in COLLEAGUES])[0]
        yield from _visit(person, day, chance)
    if day.weekday() in (0, 2, 4):
        yield from _reconciliation(day, chance)


def _visits(day: date, chance: Random, *, quiet: bool) -> int:
    """How many times somebody turns to a container; one visit is 1.3 execs on average."""
    if quiet:
        return chance.randint(0, 1)
    if day.weekday() >= 5:
        return chance.choice((0, 0, 1, 2))
    return round(EXECS_BY_WEEKDAY[day.weekday()] * chance.uniform(0.6, 0.95))


def _visit(person: Person, day: date, chance: Random) -> Iterator[Call]:
    actor = person.at_work(chance)
    task, stack = _some_task(person, day, chance)
    at = _during_work(person, day, chance)
    for _ in range(chance.choices((1, 2, 3), (76, 18, 6))[0]):
        yield from _exec(Attempt(actor, at, task, any_command(stack, chance)), chance)
        at += timedelta(seconds=chance.randint(40, 700))


def _some_task(person: Person, day: date, chance: Random) -> tuple[Task, str]:
    """A running task in one of the person's workplaces, and its service's stack."""
    account_id, region = chance.choice(person.workplaces)
    home = chance.choice([cluster for cluster in account(account_id).clusters if cluster.region == region])
    service = chance.choice(home.services)
    # Most visits are about the application itself, not about what runs beside it.
    container = 0 if chance.random() < 0.85 else 1
    task = task_on(day, account_id, home, service, replica=chance.randrange(service.replicas), container=container)
    return task, service.stack


def _during_work(person: Person, day: date, chance: Random) -> datetime:
    """Busiest in the middle of the working day; a few calls come earlier or later."""
    minutes = chance.gauss(HOURS_OF_WORK * 30, HOURS_OF_WORK * 11)
    begins = datetime.combine(day, time(person.first_hour), UTC)
    return begins + timedelta(minutes=round(min(max(minutes, -60), 660)), seconds=chance.randrange(60))


def _exec(attempt: Attempt, chance: Random) -> Sequence[Call]:
    if chance.random() < SHARE_OF_FAILURES:
        return [_failure(attempt, chance.choices(tuple(REFUSALS), tuple(REFUSALS.values()))[0])]
    calls = list(opened(attempt))
    fate = chance.random()
    if fate < 0.03:
        again_at = attempt.at + timedelta(seconds=chance.randint(90, 900))
        calls.append(resume_session(attempt.actor, again_at, attempt.place, attempt.session_id))
    elif fate < 0.05:
        ended_at = attempt.at + timedelta(minutes=chance.randint(25, 120))
        calls.append(terminate_session(JONAS.at_work(chance), ended_at, attempt.place, attempt.session_id))
    return calls


def _failure(attempt: Attempt, refusal: Refusal) -> Call:
    if refusal is Refusal.NO_CLUSTER:
        attempt = replace(attempt, task=replace(attempt.task, cluster=f"{attempt.task.cluster}-v2"))
    return refused(attempt, refusal)


def _reconciliation(day: date, chance: Random) -> Sequence[Call]:
    """A state machine that runs its job through ECS Exec."""
    home = cluster(PRODUCTION, "prod_batch", "us-east-1")
    task = task_on(day, PRODUCTION, home, home.services[0])
    at = datetime.combine(day, time(2, 30, chance.randrange(60)), UTC)
    actor: Actor = NIGHTLY.at_work(chance)
    return opened(Attempt(actor, at, task, "python manage.py reconcile --day yesterday"))
