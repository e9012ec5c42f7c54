"""Whoever works on findings takes locks in one order (see findings.triage), so that nobody waits in a ring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from ecsaudit.findings import services, triage
from ecsaudit.findings.models import Finding, FindingGroup, Suppression
from ecsaudit.replay import hiding
from tests import factories
from tests.factories import NOW
from tests.findings.test_arrival import effective, exec_at
from tests.findings.test_services import take_in
from tests.findings.test_triage import FOREVER, apply
from tests.records import start_session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite's write transactions come one after another anyway"
    ),
]
PATIENCE = 20
OTHERS_WAIT = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def waits_or_is_done(future: Future[Any]) -> None:
    """Until the other one is done, or PostgreSQL says that it waits for a lock."""
    deadline = time.monotonic() + PATIENCE
    while not future.done() and time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(OTHERS_WAIT)
            if cursor.fetchone()[0]:
                return
    assert future.done(), "the other one neither waits nor is done"


@contextmanager
def beside(call: Callable[[], Any]) -> Iterator[Future[Any]]:
    """A call in a thread, on a connection and in a transaction of its own."""

    def called() -> Any:
        try:
            with transaction.atomic():
                return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(called)


def lock(rows: QuerySet[Any]) -> None:
    list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))


def meet(call: Callable[[], Any], first: QuerySet[Any], *rest: QuerySet[Any]) -> Any:
    """Run a call beside somebody who holds `first` when it begins, and takes the others once it waits; returns what it does.

    PostgreSQL ends one of the two where each waits for the other.
    """
    held = transaction.atomic()
    held.__enter__()
    lock(first)
    with beside(call) as other:
        try:
            waits_or_is_done(other)
            for rows in rest:
                lock(rows)
        finally:
            transaction.set_rollback(True)
            held.__exit__(None, None, None)
        return other.result(PATIENCE)


def suppress(*found: Finding, **ends: Any) -> None:
    apply(triage.Suppress("expected", **({"until_at": FOREVER} | ends)), *found)


def everything() -> tuple[QuerySet[Any], ...]:
    """In the one order."""
    return Suppression.objects.filter(ended_at=None), Finding.objects.all(), FindingGroup.objects.all()


def test_a_replay_that_brings_up_findings_locks_suppressions_before_what_it_reopens() -> None:
    take_in(exec_at(9), exec_at(10))
    kept, lost = Finding.objects.order_by("event_time")
    suppress(kept)
    rules = effective()
    events = {each.event_id: each.event for each in (kept, lost)}
    services.archive(because={kept.pk: "gone"}, by=rules, now=NOW)
    Finding.objects.filter(pk=lost.pk).delete()
    matches = {pk: rules.rule_set.evaluate(event.raw_text) for pk, event in events.items()}
    brought = meet(lambda: services.bring_up(matches=matches, by=rules), *everything())
    assert (len(brought.made), brought.reopened) == (1, 1)


def test_a_page_that_moves_findings_to_their_session_locks_suppressions_before_them() -> None:
    take_in(start_session())
    suppress(Finding.objects.get())
    meet(lambda: take_in(start_session(eventID="again"), exec_at(9)), *everything())


def test_a_page_that_ends_suppressions_of_two_groups_locks_findings_before_groups() -> None:
    one, other = exec_at(9), exec_at(10)
    other["requestParameters"] = other["requestParameters"] | {"container": "other"}
    take_in(one, other)
    suppress(*Finding.objects.all(), more=1)
    second = FindingGroup.objects.order_by("pk")[1]
    later = [record | {"eventID": f"later-{number}"} for number, record in enumerate((one, other))]
    meet(lambda: take_in(*later), Finding.objects.filter(group=second), FindingGroup.objects.all())
    assert Suppression.objects.filter(is_opening=True).count() == 2


def test_exceptions_that_hide_findings_of_several_groups_lock_the_groups_in_one_order() -> None:
    low, high = factories.finding(rule="low"), factories.finding(rule="high")
    names = [factories.rule_exception().name for _ in range(2)]
    # The first exception's is the group with the higher id.
    over = {high.pk: names[0], low.pk: names[1]}
    rules = effective()
    groups = FindingGroup.objects.all()
    archived = meet(
        lambda: hiding.archive(over, by=rules), groups.filter(pk=low.group_id), groups.filter(pk=high.group_id)
    )
    assert archived == 2


def test_taking_back_locks_the_older_suppression_first() -> None:
    finding = factories.finding()
    suppress(finding)
    suppress(finding, more=5)
    later = Suppression.objects.get(ended_at=None)
    rows = Suppression.objects.all()
    meet(
        lambda: triage.take_back(later, now=NOW, by=None),
        rows.filter(pk=later.instead_of_id),
        rows.filter(pk=later.pk),
        Finding.objects.all(),
        FindingGroup.objects.all(),
    )
    assert Suppression.objects.get(ended_at=None) == later.instead_of


def test_opening_what_was_suppressed_locks_the_suppression_first() -> None:
    finding = factories.finding()
    suppress(finding)
    ended = Suppression.objects.get()
    triage.end(ended, because="enough", now=NOW)
    opened = meet(
        lambda: triage.open_again(ended.pk, NOW),
        Suppression.objects.all(), Finding.objects.all(), FindingGroup.objects.all(),
    )  # fmt: skip
    assert opened == [finding]


def test_who_suppresses_a_group_that_somebody_else_just_did_locks_that_suppression_before_findings() -> None:
    finding = factories.finding()
    holds, let_go = threading.Event(), threading.Event()

    def end_by_hand() -> None:
        """Hold the new suppression, then want what it suppresses."""
        lock(Suppression.objects.all())
        holds.set()
        assert let_go.wait(PATIENCE)
        lock(Finding.objects.all())

    held = transaction.atomic()
    held.__enter__()
    lock(FindingGroup.objects.all())
    with beside(lambda: suppress(finding)) as second:
        waits_or_is_done(second)
        with beside(lambda: Suppression.objects.create(group=finding.group, created_at=NOW, reason="test")) as made:
            first = made.result(PATIENCE)
        with beside(end_by_hand) as third:
            assert holds.wait(PATIENCE)
            held.__exit__(None, None, None)
            waits_or_is_done(second)
            let_go.set()
            third.result(PATIENCE)
        second.result(PATIENCE)
    assert Suppression.objects.get(ended_at=None).instead_of == first
