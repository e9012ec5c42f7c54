"""Whoever works on findings takes locks in one order (see findings.triage), so that nobody waits in a ring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
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
from tests.records import execute_command, start_session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite's write transactions come one after another anyway"
    ),
]
PATIENCE = 20
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@contextmanager
def holding(rows: QuerySet[Any]) -> Iterator[ExitStack]:
    """In a transaction that has locked these rows, until the stack is closed, or something fails."""
    with ExitStack() as stack:
        stack.enter_context(transaction.atomic())
        with connection.cursor() as cursor:
            # Fail rather than wait for ever in a ring that PostgreSQL can't see.
            cursor.execute("SET LOCAL lock_timeout = '10s'")
        lock(rows)
        yield stack


def lock(rows: QuerySet[Any]) -> None:
    list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))


def in_thread(pool: ThreadPoolExecutor, call: Callable[[], Any]) -> Future[Any]:
    """A call in a transaction of its own."""

    def called() -> Any:
        try:
            with transaction.atomic():
                return call()
        finally:
            connection.close()

    return pool.submit(called)


def waits_or_is_done(other: Future[Any]) -> None:
    """Until the other one is done, or PostgreSQL says that it waits for a lock."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while not other.done() and time.monotonic() < deadline:
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
    assert other.done(), "the other one neither waits nor is done"


def meet(call: Callable[[], Any], first: QuerySet[Any], *rest: QuerySet[Any]) -> Any:
    """Run a call beside somebody who holds `first` when it begins, and takes the others once it waits; returns what it does.

    PostgreSQL ends one of the two where each waits for the other.
    """
    with ThreadPoolExecutor(1) as pool, holding(first) as held:
        other = in_thread(pool, call)
        waits_or_is_done(other)
        for rows in rest:
            lock(rows)
        held.close()
        return other.result(PATIENCE)


def suppress(*found: Finding, **ends: Any) -> None:
    apply(triage.Suppress("expected", **(ends or {"until_at": FOREVER})), *found)


@transaction.atomic
def page(*records: dict[str, Any]) -> None:
    take_in(*records)


def everything() -> tuple[QuerySet[Any], ...]:
    """In the one order."""
    return Suppression.objects.filter(ended_at=None), Finding.objects.all(), FindingGroup.objects.all()


def test_a_replay_that_brings_up_findings_locks_suppressions_before_what_it_reopens() -> None:
    page(exec_at(9), exec_at(10))
    archived, missing = Finding.objects.order_by("event_time")
    suppress(archived)
    rules = effective()
    events = [archived.event, missing.event]
    with transaction.atomic():
        services.archive(because={archived.pk: "gone"}, by=rules, now=NOW)
    missing.delete()
    matches = {event.pk: rules.rule_set.evaluate(event.raw_text) for event in events}
    brought = meet(lambda: services.bring_up(matches=matches, by=rules), *everything())
    assert (len(brought.made), brought.reopened) == (1, [archived.pk])


def test_a_page_that_moves_findings_to_their_session_locks_suppressions_before_them() -> None:
    page(start_session())
    stray = Finding.objects.get()
    before = stray.session_id
    suppress(stray)
    # The event that the stray one belongs to, and another of the group that is suppressed.
    meet(lambda: page(execute_command(), start_session(eventID="again")), *everything())
    assert Finding.objects.get(pk=stray.pk).session_id != before


def test_a_page_that_ends_suppressions_of_two_groups_locks_no_finding_after_a_group() -> None:
    one, other = exec_at(9), start_session()
    page(one, other)
    suppress(*Finding.objects.all(), more=1)
    second = FindingGroup.objects.order_by("pk")[1]
    later = [record | {"eventID": f"later-{number}"} for number, record in enumerate((one, other))]
    meet(lambda: page(*later), Finding.objects.filter(group=second), FindingGroup.objects.all())
    assert Suppression.objects.filter(is_opening=True).count() == 2


def test_exceptions_that_hide_findings_of_several_groups_lock_the_groups_in_one_order() -> None:
    low, high = factories.finding(rule="low"), factories.finding(rule="high")
    names = [factories.rule_exception().name for _ in range(2)]
    # The first exception's is the group with the higher id.
    over = {high.pk: (names[0],), low.pk: (names[1],)}
    rules, groups = effective(), FindingGroup.objects.all()
    both = groups.filter(pk=low.group_id), groups.filter(pk=high.group_id)
    assert meet(lambda: hiding.archive(over, by=rules), *both) == 2


def test_taking_back_locks_the_older_suppression_first() -> None:
    finding = factories.finding()
    suppress(finding)
    suppress(finding, more=5)
    later = Suppression.objects.get(ended_at=None)
    older = later.instead_of
    both = Suppression.objects.filter(pk=older.pk), Suppression.objects.filter(pk=later.pk)
    meet(lambda: triage.take_back(later, now=NOW, by=None), *both, *everything()[1:])
    assert Suppression.objects.get(ended_at=None) == older


def test_what_another_worker_is_opening_is_left_to_it_and_waited_for_by_nobody() -> None:
    finding = factories.finding()
    suppress(finding)
    ended = Suppression.objects.get()
    triage.end(ended, because="enough", now=NOW)
    with ThreadPoolExecutor(1) as pool, holding(Suppression.objects.all()):
        assert in_thread(pool, lambda: triage.open_again(ended.pk, NOW)).result(PATIENCE) is None
    with transaction.atomic():
        assert triage.open_again(ended.pk, NOW) == [finding]


def test_who_suppresses_a_group_that_somebody_else_just_did_locks_that_suppression_before_findings() -> None:
    finding = factories.finding()
    holds, go_on = threading.Event(), threading.Event()

    def make() -> Suppression:
        return Suppression.objects.create(group=finding.group, created_at=NOW, reason="test")

    def want_both() -> None:
        lock(Suppression.objects.all())
        holds.set()
        assert go_on.wait(PATIENCE)
        lock(Finding.objects.all())

    with ThreadPoolExecutor(3) as pool, holding(FindingGroup.objects.all()) as held:
        second = in_thread(pool, lambda: suppress(finding))
        waits_or_is_done(second)
        first = in_thread(pool, make).result(PATIENCE)
        third = in_thread(pool, want_both)
        assert holds.wait(PATIENCE)
        held.close()
        waits_or_is_done(second)
        go_on.set()
        third.result(PATIENCE)
        second.result(PATIENCE)
    assert Suppression.objects.get(ended_at=None).instead_of == first
