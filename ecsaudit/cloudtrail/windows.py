"""Which stretch of time to ask CloudTrail for next. Pure: changes the Query it is given, saves nothing.

covered_from … covered_to has been read to the last page. New events come first (tail), then the past (backfill, newest
first), then once in a while the last day again for what CloudTrail delivered late (sweep).
"""

from datetime import datetime, timedelta

from ecsaudit.cloudtrail.models import Query, WindowKind

# CloudTrail usually delivers within 5 minutes, seldom after 15.
OVERLAP = timedelta(minutes=20)
# Long enough to spend few requests on quiet names, short enough that a killed read repeats little.
SLICE = timedelta(days=30)
SWEEP_SPAN = timedelta(hours=24)
SWEEP_EVERY = timedelta(hours=6)
# LookupEvents knows no events before this.
HISTORY = timedelta(days=90)


def choose_window(query: Query, now: datetime, poll_every: timedelta) -> bool:
    """Open the window that is due, unless one is open already; False when there is nothing to read now."""
    if query.window_kind:
        return True
    if query.covered_to is not None and query.covered_to < now - HISTORY:
        # What lies between can't be read any more, so coverage begins anew.
        query.covered_from = query.covered_to = None
    if query.covered_from is None or query.covered_to is None:
        open_window(query, WindowKind.BACKFILL, max(query.backfill_from, now - SLICE), now)
    elif now - query.covered_to >= poll_every:
        start = query.covered_to - OVERLAP
        open_window(query, WindowKind.TAIL, start, min(start + SLICE, now))
    elif query.covered_from > query.backfill_from:
        start = max(query.backfill_from, query.covered_from - SLICE)
        open_window(query, WindowKind.BACKFILL, start, query.covered_from)
    elif query.swept_at is None or now - query.swept_at >= SWEEP_EVERY:
        open_window(query, WindowKind.SWEEP, now - SWEEP_SPAN, now)
    else:
        return False
    return True


def open_window(query: Query, kind: WindowKind, start: datetime, end: datetime) -> None:
    query.window_kind, query.window_from, query.window_to, query.window_reached_at = kind, start, end, None


def drain_window(query: Query) -> None:
    """Note that the open window was read to its last page, and close it."""
    assert query.window_from is not None and query.window_to is not None
    if query.window_kind == WindowKind.SWEEP or query.swept_at is None:
        # The very first window reads everything up to now, so it is a sweep as well.
        query.swept_at = query.window_to
    if query.covered_from is None or query.window_from < query.covered_from:
        query.covered_from = query.window_from
    if query.covered_to is None or query.window_to > query.covered_to:
        query.covered_to = query.window_to
    query.window_kind = ""
    query.window_from = query.window_to = query.window_reached_at = None
