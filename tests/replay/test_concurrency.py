"""Ingest and replays at the same time, on real transactions: what is counted by whom when rules change in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from ecsaudit import pipeline
from ecsaudit.cloudtrail.models import Event
from ecsaudit.findings.models import Finding
from ecsaudit.library.models import Mode, QuietCount
from ecsaudit.library.services import switch
from ecsaudit.people.models import User
from ecsaudit.replay import services
from ecsaudit.replay.models import Replay, Scope
from tests import factories
from tests.cloudtrail_api import numbered
from tests.records import item
from tests.replay.history import FIRST, NARROWER, finish, overlay, take_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("library")]


class Ingest:
    """Takes in one event in another thread, and commits only when it is let."""

    def __init__(self, number: int) -> None:
        self.items = [item(numbered(number, FIRST))]
        self.feed = factories.feed()
        self.is_judged, self.may_commit = threading.Event(), threading.Event()

    def run(self) -> None:
        with transaction.atomic():
            pipeline.take_in(self.feed, self.items)
            self.is_judged.set()
            assert self.may_commit.wait(20)


def in_thread(pool: ThreadPoolExecutor, function: Callable[[], Any]) -> Future[Any]:
    def called() -> Any:
        try:
            return function()
        finally:
            connection.close()

    return pool.submit(called)


def quiet() -> int:
    return sum(QuietCount.objects.filter(rule="Shell").values_list("count", flat=True))


def test_an_event_judged_before_a_change_is_stored_before_it_and_counted_once(ann: User) -> None:
    take_in("/bin/sh")

    def change() -> Replay | None:
        with transaction.atomic():
            switch(names=["Shell"], mode=Mode.OFF, author=ann, message="m")
            return services.recount(rules=["Shell"])

    with ThreadPoolExecutor() as pool:
        ingest = Ingest(1)
        taking_in = in_thread(pool, ingest.run)
        assert ingest.is_judged.wait(20)
        changing = in_thread(pool, change)
        # Whoever changes the rules waits for those who judge by them.
        threading.Event().wait(0.5)
        assert not changing.done()
        ingest.may_commit.set()
        taking_in.result(20)
        replay = changing.result(20)
    take_in("/bin/sh", first=2)
    assert replay.newest_event == Event.objects.get(event_id="event-000001").pk
    assert quiet() == 1
    finish(replay)
    assert quiet() == Event.objects.count() == 3
    assert Finding.objects.filter(rule="Shell").count() == 2


def test_rules_are_applied_between_transactions_that_take_events_in(ann: User) -> None:
    take_in("/bin/sh", "/bin/sh")
    overlay(ann, NARROWER.replace("= web", "= nothing"))
    replay = services.apply(rules=["Shell"], scope=Scope.ALL, author=ann)
    with ThreadPoolExecutor() as pool:
        ingest = Ingest(5)
        taking_in = in_thread(pool, ingest.run)
        assert ingest.is_judged.wait(20)
        applying = in_thread(pool, lambda: finish(replay))
        threading.Event().wait(0.5)
        assert not applying.done()
        ingest.may_commit.set()
        taking_in.result(20)
        applying.result(20)
    replay.refresh_from_db()
    assert (replay.gone, replay.done) == (2, 5)
    sessions = list(Finding.objects.values_list("record_state", "session__finding_count"))
    assert sessions == [("archived", 0), ("archived", 0)]
