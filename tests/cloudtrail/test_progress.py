from datetime import UTC, datetime, timedelta

from ecsaudit.cloudtrail.models import Query, WindowKind
from ecsaudit.cloudtrail.progress import progress

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def query(**fields: object) -> Query:
    return Query(event_name="X", backfill_from=NOW - 90 * DAY, **fields)


def test_nothing_to_read_is_neither_begun_nor_complete() -> None:
    state = progress([], NOW)
    assert (state.fraction, state.complete, state.reached_at) == (0.0, False, None)


def test_a_fresh_query_has_read_nothing() -> None:
    assert progress([query()], NOW).fraction == 0.0


def test_what_is_covered_and_what_the_open_window_has_passed_both_count() -> None:
    state = progress(
        [
            query(
                covered_from=NOW - 30 * DAY,
                covered_to=NOW,
                window_kind=WindowKind.BACKFILL,
                window_from=NOW - 60 * DAY,
                window_to=NOW - 30 * DAY,
                window_reached_at=NOW - 45 * DAY,
                pages=7,
                events_new=300,
            )
        ],
        NOW,
    )
    assert state.fraction == 0.5
    assert (state.pages, state.events_new, state.complete) == (7, 300, False)
    assert state.reached_at == NOW - 45 * DAY


def test_it_is_complete_only_when_every_query_is() -> None:
    done = query(covered_from=NOW - 90 * DAY, covered_to=NOW - DAY)
    assert progress([done], NOW).complete
    assert progress([done], NOW).fraction == 1.0
    both = progress([done, query()], NOW)
    assert not both.complete
    assert 0.49 < both.fraction < 0.5
    assert both.reached_at is None


def test_a_rounded_hundred_per_cent_is_never_shown_before_the_end() -> None:
    almost = query(covered_from=NOW - 90 * DAY + timedelta(seconds=1), covered_to=NOW)
    assert progress([almost], NOW).fraction < 1.0
