"""Two workers at once: rules change for both without a restart, and one finishes what the other was killed in."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from ecsaudit.celery import app
from ecsaudit.cloudtrail.models import Event, EventBody, Feed
from ecsaudit.execsessions.models import DailyCount
from ecsaudit.findings.models import Finding
from ecsaudit.library.exception_texts import Term
from ecsaudit.library.models import Layer, Mode, RuleException
from ecsaudit.library.services import refresh, save, switch
from ecsaudit.people.models import User
from ecsaudit.replay import exceptions, services
from ecsaudit.replay.models import Replay, Scope, State
from tests import cloudtrail_api, factories
from tests.cloudtrail_api import Api, numbered
from tests.processes import kill, wait_until, worker
from tests.replay.history import FIRST, SHIPPED, WIDER, take_in

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
FAST = {"ECSAUDIT_LOOKUPS_PER_SECOND": "1000", "ECSAUDIT_LEASE_SECONDS": "2", "ECSAUDIT_POLL_SECONDS": "1"}
NARROW = "- rule: Shell\n  condition: and ct.user.arn contains nobody\n  override: {condition: append}\n"
NO_SHELL = "- list: shells\n  items: [/bin/nothing]\n  override: {items: replace}\n"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, settings: Settings) -> None:
    settings.RULES_DIR = tmp_path / "rules"
    settings.RULES_DIR.mkdir()
    (settings.RULES_DIR / "shipped.yaml").write_text(SHIPPED)
    refresh()


@pytest.fixture(autouse=True)
def empty_broker() -> None:
    """Messages of an earlier test must not wake this one's workers."""
    if app.conf.broker_url.startswith("redis"):
        with app.connection_for_write() as connection:
            connection.default_channel.client.flushdb()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[dict[Path, Popen[bytes]]]:
    """Two workers by their logs. Without Redis each has a broker of its own; what they share is the database."""
    with ExitStack() as stack:
        running = {}
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            running[folder / "worker.log"] = stack.enter_context(worker(folder, **FAST))
        yield running


def lines(log: Path, event: str) -> list[dict[str, Any]]:
    """The lines that a worker wrote of one kind."""
    found = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if line.get("event") == event]


def judged(log: Path) -> int:
    """How many events a worker has taken in."""
    return sum(line["new"] for line in lines(log, "page taken in"))


def hold_up(processes: list[Popen[bytes]]) -> None:
    """Stop workers for a moment: their ticks come later from then on, so that the same one isn't always first."""
    for process in processes:
        os.killpg(process.pid, signal.SIGSTOP)
        threading.Event().wait(random.uniform(0.2, 1))
        os.killpg(process.pid, signal.SIGCONT)


class Arrivals:
    """New events, one after another, until each worker has judged one."""

    def __init__(self, api: Api, workers: dict[Path, Popen[bytes]]) -> None:
        self.api = api
        self.workers = workers
        self.number = 0

    def until_each_judged(self) -> None:
        before = {log: judged(log) for log in self.workers}
        for _ in range(60):
            self.next()
            served = [process for log, process in self.workers.items() if judged(log) > before[log]]
            if len(served) == len(self.workers):
                return
            hold_up(served)
        pytest.fail("one of the workers never had an event to judge")

    def next(self) -> None:
        self.number += 1
        self.api.now = timezone.now()
        self.api.add_record(numbered(self.number, self.api.now - timedelta(seconds=2)))
        event_id = f"event-{self.number:06d}"

        def arrived() -> bool:
            # Whose tick comes first after a moment that nobody knows: sometimes the one's, sometimes the other's.
            due_at = timezone.now() + timedelta(seconds=random.uniform(0, 2))
            far = timezone.now() + timedelta(seconds=2)
            Feed.objects.filter(lease_owner="", next_attempt_at__gt=far).update(next_attempt_at=due_at)
            return Event.objects.filter(event_id=event_id).exists()

        Feed.objects.filter(lease_owner="").update(
            next_attempt_at=timezone.now() + timedelta(seconds=random.uniform(0, 2))
        )
        wait_until(arrived, seconds=60, what=f"{event_id} to be stored")


def test_a_changed_rule_judges_the_next_event_of_each_of_two_running_workers(
    workers: dict[Path, Popen[bytes]], ann: User
) -> None:
    with cloudtrail_api.serve(timezone.now()) as api:
        api.account()
        arrivals = Arrivals(api, workers)
        arrivals.until_each_judged()
        assert Finding.objects.filter(rule="Shell").count() == Event.objects.count()

        save(kind="rule", name="Shell", layer=Layer.OVERLAY, text=NARROW, author=ann, message="m")
        changed_at = services.newest_event()
        arrivals.until_each_judged()
        assert not Finding.objects.filter(event_id__gt=changed_at).exists()

        switch(names=["Shell"], mode=Mode.OFF, author=ann, message="m")
        switch(names=["Quiet"], mode=Mode.ON, author=ann, message="m")
        save(kind="list", name="shells", layer=Layer.OVERLAY, text=NO_SHELL, author=ann, message="m")
        changed_at = services.newest_event()
        arrivals.until_each_judged()
        found = Finding.objects.filter(event_id__gt=changed_at)
        assert set(found.values_list("rule", flat=True)) == {"Quiet"}
        assert found.count() == Event.objects.filter(pk__gt=changed_at).count()
    assert all(process.poll() is None for process in workers.values())


def store(count: int) -> None:
    """A history without findings, as if its rules had come later: every third command is /bin/ash."""
    account = factories.account()
    events = Event.objects.bulk_create(
        Event(
            account=account,
            event_id=f"event-{number:06d}",
            event_name="ExecuteCommand",
            event_source="ecs.amazonaws.com",
            event_time=FIRST - timedelta(seconds=number),
            region="eu-west-1",
        )
        for number in range(count)
    )
    bodies = [EventBody.compress(json.dumps(record_of(number))) for number in range(3)]
    EventBody.objects.bulk_create(
        EventBody(event=event, compressed=bodies[number % 3]) for number, event in enumerate(events)
    )


def record_of(number: int) -> dict[str, Any]:
    record = numbered(number, FIRST)
    record["requestParameters"] |= {"command": ("/bin/sh", "/bin/ash", "id")[number]}
    return record


def ask(purpose: str, author: User) -> Replay:
    if purpose == "apply":
        Finding.objects.all().delete()
        DailyCount.objects.all().delete()
        return services.apply(rules=["Shell"], scope=Scope.ALL, author=author)
    return services.start(kind="list", name="shells", layer=Layer.OVERLAY, text=WIDER, days=None, author=author)


def result(replay: Replay) -> dict[str, Any]:
    """All that a replay left behind, without row numbers."""
    return {
        "numbers": (replay.done, replay.total, replay.new, replay.gone, replay.unchanged),
        "matches": sorted(replay.matches.values_list("event__event_id", "rule", "change")),
        "findings": sorted(Finding.objects.values_list("event__event_id", "rule", "record_state")),
        "counts": sorted(DailyCount.objects.values_list("day", "dimension", "value", "count")),
    }


def finished(replay: Replay) -> Replay:
    def is_done() -> bool:
        replay.refresh_from_db()
        return not replay.is_unfinished

    wait_until(is_done, seconds=240, what=f"the end of replay {replay.pk}")
    assert replay.state == State.DONE
    return replay


@pytest.mark.parametrize(("purpose", "count"), [("try", 30_000), ("apply", 6_000)])
def test_what_a_killed_worker_began_another_finishes_with_the_same_result(
    workers: dict[Path, Popen[bytes]], ann: User, purpose: str, count: int
) -> None:
    store(count)
    undisturbed = result(finished(ask(purpose, ann)))
    assert undisturbed["numbers"][0] == count

    replay = ask(purpose, ann)

    def is_half_done() -> bool:
        replay.refresh_from_db()
        return replay.done > count // 4

    wait_until(is_half_done, seconds=60, what="a quarter of the replay")
    (holder,) = [log for log in workers if any(line["replay"] == replay.pk for line in lines(log, "replay taken"))]
    kill(workers[holder])
    replay.refresh_from_db()
    assert replay.is_unfinished
    assert replay.done < count
    assert result(finished(replay)) == undisturbed
    (other,) = (log for log in workers if log != holder)
    assert any(line["replay"] == replay.pk for line in lines(other, "replay done"))


def test_an_exception_expires_by_itself_and_all_comes_back_though_a_worker_is_killed(
    workers: dict[Path, Popen[bytes]], ann: User
) -> None:
    take_in(*["/bin/sh"] * 30)
    term = Term("json.value[/requestParameters/container]", "=", ("web",))
    now = timezone.now()
    made, hiding = exceptions.make(
        past=True, rule="Shell", terms=[term], author=ann, owner="ana", reason="nightly", now=now,
        expires_at=now + timedelta(days=1),
    )  # fmt: skip
    assert hiding is not None
    finished(hiding)
    take_in(*["/bin/sh"] * 30, first=30)
    assert not Finding.objects.active().exists()

    RuleException.objects.update(expires_at=timezone.now())
    back = Replay.objects.filter(scope=Scope.BACK)
    wait_until(back.exists, seconds=60, what="the end of the exception")
    kill(next(iter(workers.values())))
    finished(back.get())
    made.refresh_from_db()
    assert made.state == "expired"
    assert Finding.objects.active().count() == Finding.objects.count() == 60
    assert sorted(made.history.values_list("action", flat=True)) == ["expired", "made"]
