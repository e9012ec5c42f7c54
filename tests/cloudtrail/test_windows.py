from datetime import UTC, datetime, timedelta

import pytest

from ecsaudit.cloudtrail.models import Query, WindowKind
from ecsaudit.cloudtrail.windows import HISTORY, OVERLAP, SWEEP_EVERY, choose_window, drain_window

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def query(**fields: object) -> Query:
    return Query(event_name="ExecuteCommand", backfill_from=NOW - timedelta(days=90), **fields)


def read_next(asked: Query, now: datetime) -> tuple[str, datetime, datetime]:
    assert choose_window(asked, now, MINUTE)
    assert asked.window_from is not None
    assert asked.window_to is not None
    window = (asked.window_kind, asked.window_from, asked.window_to)
    drain_window(asked)
    return window


def test_a_first_read_goes_back_ninety_days_newest_first_without_a_gap() -> None:
    asked = query()
    windows = [read_next(asked, NOW) for _ in range(3)]
    assert windows[0][2] == NOW
    assert [window[0] for window in windows] == [WindowKind.BACKFILL] * 3
    assert windows[0][1] == windows[1][2]
    assert windows[1][1] == windows[2][2]
    assert windows[2][1] == NOW - timedelta(days=90)
    assert not choose_window(asked, NOW, MINUTE)


def test_new_events_come_before_the_rest_of_the_past() -> None:
    asked = query()
    read_next(asked, NOW)
    assert read_next(asked, NOW + MINUTE) == (WindowKind.TAIL, NOW - OVERLAP, NOW + MINUTE)
    assert read_next(asked, NOW + MINUTE)[0] == WindowKind.BACKFILL


def test_an_open_window_stays_as_it_is_until_it_is_drained() -> None:
    asked = query()
    choose_window(asked, NOW, MINUTE)
    before = (asked.window_from, asked.window_to)
    assert choose_window(asked, NOW + timedelta(days=2), MINUTE)
    assert (asked.window_from, asked.window_to) == before
    assert asked.covered_to is None


def test_the_last_day_is_swept_again_for_late_events() -> None:
    asked = query(covered_from=NOW - timedelta(days=90), covered_to=NOW, swept_at=NOW - SWEEP_EVERY)
    assert read_next(asked, NOW) == (WindowKind.SWEEP, NOW - timedelta(days=1), NOW)
    assert asked.swept_at == NOW
    assert not choose_window(asked, NOW, MINUTE)


def test_after_a_long_pause_the_missed_time_is_read_in_slices() -> None:
    asked = query(covered_from=NOW - timedelta(days=80), covered_to=NOW - timedelta(days=50))
    first, second = read_next(asked, NOW), read_next(asked, NOW)
    assert first[:2] == (WindowKind.TAIL, NOW - timedelta(days=50) - OVERLAP)
    assert second[1] == first[2] - OVERLAP
    assert second[2] == NOW


def test_time_that_can_no_longer_be_read_is_never_called_covered() -> None:
    asked = query(covered_from=NOW - timedelta(days=300), covered_to=NOW - HISTORY - MINUTE)
    choose_window(asked, NOW, MINUTE)
    assert asked.covered_from is None
    assert asked.window_to == NOW


@pytest.mark.parametrize("days", [1, 30, 31])
def test_a_short_backfill_stops_where_it_was_told_to(days: int) -> None:
    asked = Query(event_name="X", backfill_from=NOW - timedelta(days=days))
    while choose_window(asked, NOW, MINUTE):
        drain_window(asked)
    assert asked.covered_from == NOW - timedelta(days=days)
