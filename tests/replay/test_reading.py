from __future__ import annotations

from datetime import timedelta

import pytest

from ecsaudit.cloudtrail.models import EventBody
from ecsaudit.replay import reading
from ecsaudit.replay.models import Purpose, Replay
from ecsaudit.replay.reading import Batch, record_of, stored_names
from tests import factories
from tests.factories import NOW


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecsaudit.replay.reading.BATCH", dict.fromkeys(Purpose, 3))


def read_on(replay: Replay) -> Batch:
    batch = reading.read(replay)
    replay.at_name, replay.at_time, replay.at_id = batch.place.name, batch.place.time, batch.place.pk
    return batch


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_batches_go_name_by_name_newest_first_and_leave_nothing_out() -> None:
    made = {
        (name, hours, number): factories.event(event_name=name, event_time=NOW - timedelta(hours=hours)).pk
        for name in ("A", "B")
        # Two at the same moment, so that only their ids tell them apart.
        for hours in (1, 2)
        for number in (1, 2)
    }
    factories.event(event_name="C")
    replay = factories.replay(event_names=["A", "B", "nothing"], newest_event=max(made.values()))
    batches = [read_on(replay) for _ in range(3)]
    order = sorted(made, key=lambda each: (each[0], each[1], -each[2]))
    assert [row[0] for batch in batches for row in batch.rows] == [made[each] for each in order]
    assert [(len(batch.rows), batch.is_last) for batch in batches] == [(3, False), (3, False), (2, True)]
    assert reading.total(replay) == 8


@pytest.mark.django_db
def test_later_and_older_events_than_asked_for_are_left_out() -> None:
    old = factories.event(event_time=NOW - timedelta(days=9))
    wanted = factories.event(event_time=NOW)
    factories.event(event_time=NOW)
    replay = factories.replay(newest_event=wanted.pk, since=NOW - timedelta(days=7))
    assert [row[0] for row in reading.read(replay).rows] == [wanted.pk]
    replay.since = None
    assert [row[0] for row in reading.read(replay).rows] == [wanted.pk, old.pk]


@pytest.mark.django_db
def test_every_stored_name_is_found_once() -> None:
    assert stored_names() == []
    for name in ("StopTask", "ExecuteCommand", "StopTask", ""):
        factories.event(event_name=name)
    assert stored_names() == ["", "ExecuteCommand", "StopTask"]


@pytest.mark.parametrize("text", ['{"a": "b"}', '{"a": "\u00e9\ud55c\U0001f600"}'])
def test_a_body_is_judged_as_the_bytes_that_came(text: str) -> None:
    judged = record_of(EventBody.compress(text))
    assert (judged if isinstance(judged, str) else judged.decode()) == text


def test_a_lone_surrogate_is_judged_as_text_as_ingest_does() -> None:
    assert record_of(EventBody.compress('{"a": "\ud800"}')) == '{"a": "\ud800"}'
