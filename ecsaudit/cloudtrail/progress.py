"""How far the first read of one or more queries has come. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecsaudit.cloudtrail.models import Query, WindowKind


@dataclass(frozen=True, slots=True)
class Progress:
    """`fraction` from 0 to 1 of the time to be read; `reached_at` is what all have been read back to, if all have begun."""

    fraction: float
    pages: int
    events_new: int
    reached_at: datetime | None
    complete: bool


def progress(queries: Iterable[Query], now: datetime) -> Progress:
    """The state of all the queries together; nothing to read at all is not complete."""
    queries = list(queries)
    wanted = sum((now - query.backfill_from for query in queries), timedelta())
    done = sum((min(read_span(query), now - query.backfill_from) for query in queries), timedelta())
    complete = bool(queries) and all(is_complete(query) for query in queries)
    reached = [reached_at(query) for query in queries]
    return Progress(
        fraction=1.0 if complete else min(done / wanted, 0.999) if wanted else 0.0,
        pages=sum(query.pages for query in queries),
        events_new=sum(query.events_new for query in queries),
        reached_at=max((moment for moment in reached if moment), default=None) if all(reached) else None,
        complete=complete,
    )


def is_complete(query: Query) -> bool:
    return query.covered_from is not None and query.covered_from <= query.backfill_from


def read_span(query: Query) -> timedelta:
    """The time that is read: what is covered and, of an open backfill window, what its pages have passed."""
    covered = query.covered_to - query.covered_from if query.covered_to and query.covered_from else timedelta()
    if query.window_kind == WindowKind.BACKFILL and query.window_to and query.window_reached_at:
        covered += max(query.window_to - query.window_reached_at, timedelta())
    return covered


def reached_at(query: Query) -> datetime | None:
    if query.window_kind == WindowKind.BACKFILL and query.window_reached_at:
        return query.window_reached_at
    return query.covered_from
