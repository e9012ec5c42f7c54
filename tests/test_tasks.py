"""Celery for real: workers that are stopped, started and killed, on the database and broker that the suite runs on."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from ecsaudit.celery import app
from ecsaudit.cloudtrail.models import Event, Feed
from ecsaudit.demo.endpoint import event_from_record
from ecsaudit.execsessions.models import DailyCount, ExecSession
from ecsaudit.findings.models import Finding
from tests import cloudtrail_api
from tests.cloudtrail_api import Api, numbered
from tests.processes import kill, wait_until, worker

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
FAST = {"ECSAUDIT_LOOKUPS_PER_SECOND": "1000", "ECSAUDIT_LEASE_SECONDS": "1", "ECSAUDIT_POLL_SECONDS": "1"}
BACKFILL = 5_000
KILLS = 10


@pytest.fixture
def api() -> Iterator[Api]:
    with cloudtrail_api.serve(timezone.now()) as running:
        running.account()
        yield running


@pytest.fixture(autouse=True)
def empty_broker() -> None:
    """Messages of an earlier test must not wake this one's worker."""
    if app.conf.broker_url.startswith("redis"):
        with app.connection_for_write() as connection:
            connection.default_channel.client.flushdb()


def backfilled() -> bool:
    queries = [query for feed in Feed.objects.all() for query in feed.queries.all()]
    return bool(queries) and all(query.covered_from == query.backfill_from for query in queries)


def everything() -> dict[str, list[Any]]:
    """All that a person could see of what was collected, without row numbers."""
    columns = [field.attname for field in ExecSession._meta.concrete_fields]
    columns = [name for name in columns if name not in ("id", "event_id", "account_id")]
    return {
        "sessions": sorted(ExecSession.objects.values_list("event__event_id", *columns)),
        "members": sorted(ExecSession.objects.values_list("event__event_id", "session_events__event__event_id")),
        "findings": sorted(
            Finding.objects.values_list("event__event_id", "session__event__event_id", "rule", "priority", "output")
        ),
        "counts": sorted(DailyCount.objects.values_list("day", "dimension", "value", "count")),
    }


def test_nothing_is_fetched_while_the_worker_is_stopped_and_it_catches_up(api: Api, tmp_path: Path) -> None:
    api.add_exec_events(60)
    with worker(tmp_path, **FAST) as running:
        wait_until(lambda: Event.objects.count() == 60 and backfilled(), seconds=120, what="first read")
        kill(running)
    asked = len(api.asked)
    api.now = timezone.now()
    api.add_record(numbered(9_999, timezone.now() - timedelta(seconds=5)))
    with pytest.raises(AssertionError, match="a request without a worker"):
        wait_until(lambda: len(api.asked) > asked, seconds=3, what="a request without a worker")
    with worker(tmp_path, **FAST):
        wait_until(lambda: Event.objects.filter(event_id="event-009999").exists(), seconds=120, what="catching up")
    assert ExecSession.objects.count() == Finding.objects.count() == 61


def test_a_worker_killed_ten_times_in_a_backfill_loses_and_doubles_nothing(api: Api, tmp_path: Path) -> None:
    newest = timezone.now() - timedelta(hours=1)
    api.add(*(event_from_record(numbered(n, newest - timedelta(minutes=25 * n))) for n in range(BACKFILL)))
    with worker(tmp_path, **FAST):
        wait_until(backfilled, seconds=120, what="undisturbed backfill")
    undisturbed = everything()
    assert len(undisturbed["sessions"]) == len(undisturbed["findings"]) == BACKFILL

    account = api.account()
    account.delete()
    api.account()
    assert everything() == {"sessions": [], "members": [], "findings": [], "counts": []}
    for threshold in sorted(random.sample(range(50, BACKFILL - 50), KILLS)):
        with worker(tmp_path, **FAST) as running:
            wait_until(lambda: Event.objects.count() >= threshold, seconds=120, what=f"{threshold} events")  # noqa: B023
            kill(running)
    with worker(tmp_path, **FAST):
        wait_until(backfilled, seconds=120, what="the end of the disturbed backfill")
    assert everything() == undisturbed
