"""The flow, and the only place that knows its order:

    CloudTrail record → event → exec session → rules → finding → policy → outbox

Every function may run twice, late, or be killed at any line: a page is taken in by one transaction or not at all.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from threading import Event as StopEvent
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ecsaudit.cloudtrail import feeds, leases
from ecsaudit.cloudtrail.leases import Lease, LeaseLost
from ecsaudit.cloudtrail.models import Feed, FeedState, Query
from ecsaudit.cloudtrail.services import store_page
from ecsaudit.cloudtrail.sources.lookup_events import LookupEvents, StaleToken, Trouble
from ecsaudit.execsessions import services as execsessions
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.facts import EVENT_NAMES, ssm_session_id
from ecsaudit.findings import services as findings
from ecsaudit.findings import triage
from ecsaudit.library import services as library
from ecsaudit.library.effective import RulesBroken, rules
from ecsaudit.policies.routing import route, route_back

logger = logging.getLogger(__name__)
# A turn ends after this, so that no busy account keeps the others waiting; it goes on at once when a worker is free.
TURN = timedelta(seconds=60)
# Shorter than the time between two wake-ups, so that no two workers open what the same suppression suppressed.
OPENING_TURN = timedelta(seconds=8)


def due_feeds() -> list[int]:
    """The ids of feeds that a worker should turn to now."""
    now = timezone.now()
    feeds.sync_feeds(now)
    return list(Feed.objects.due(now).order_by("next_attempt_at").values_list("pk", flat=True))


def event_names() -> list[str]:
    """What to ask LookupEvents for: the session model's events first, then those that enabled rules can match."""
    library.refresh()
    return [*EVENT_NAMES, *sorted(rules.current().event_names() - set(EVENT_NAMES))]


def collect(feed_id: int, stop: StopEvent) -> None:
    """One turn at a feed: read every window that is due. Does nothing when the feed isn't due or somebody holds it."""
    lease = leases.take(feed_id, timezone.now(), timedelta(seconds=settings.LEASE_SECONDS))
    if lease is None:
        return
    try:
        read_due_windows(lease, stop)
    except Trouble as trouble:
        feeds.note_trouble(lease, trouble, timezone.now())
    except StaleToken as error:
        feeds.note_trouble(lease, Trouble(FeedState.FAILING, "InvalidNextTokenException", str(error)), timezone.now())
    except RulesBroken as error:
        feeds.note_trouble(lease, Trouble(FeedState.FAILING, "RulesBroken", str(error)), timezone.now())
    except LeaseLost as lost:
        logger.info("turn ended", extra={"reason": str(lost)})
    except Exception as error:
        # Whatever it is, the screen must show that this one stands still, and it must not be tried without a pause.
        feeds.note_trouble(lease, Trouble(FeedState.FAILING, type(error).__name__, str(error)), timezone.now())
        raise


def read_due_windows(lease: Lease, stop: StopEvent) -> None:
    started_at = timezone.now()
    poll_every = timedelta(seconds=settings.POLL_SECONDS)
    source = LookupEvents(lease.feed.account, lease.feed.region)
    queries = feeds.sync_queries(lease, event_names(), started_at, timedelta(days=settings.BACKFILL_DAYS))
    while not stop.is_set() and timezone.now() - started_at < TURN:
        query = feeds.next_due(lease, queries, timezone.now(), poll_every)
        if query is None:
            return feeds.note_success(lease, started_at + poll_every)
        read_window(lease, source, query, stop)
    feeds.note_success(lease, timezone.now())


def read_window(lease: Lease, source: LookupEvents, query: Query, stop: StopEvent) -> None:
    """Read the open window from its newest page to its oldest. A refused token or a kill means: from its start again."""
    assert query.window_from is not None and query.window_to is not None
    start, end, token = query.window_from, query.window_to, None
    while not stop.is_set():
        feeds.pace(lease.feed, stop)
        lease.renew(timezone.now())
        page = source.page(query.event_name, start, end, token)
        with transaction.atomic():
            lease.renew(timezone.now())
            new = take_in(lease.feed, page.items)
            feeds.note_page(lease, query, page, new=new, now=timezone.now())
        log_page(lease.feed, query, len(page.items), new)
        token = page.next_token
        if token is None:
            return


def log_page(feed: Feed, query: Query, seen: int, new: int) -> None:
    where = {"account": feed.account.account_id, "region": feed.region, "event_name": query.event_name}
    logger.log(logging.INFO if new else logging.DEBUG, "page taken in", extra={**where, "seen": seen, "new": new})


def take_in(feed: Feed, items: Sequence[dict[str, Any]]) -> int:
    """Store, join and judge one page, and write down whom to tell; returns how many of its events were new.

    Must run inside a transaction.
    """
    # Before the first event gets its number: see Library.hold.
    effective = rules.held()
    tally = Tally()
    new = store_page(feed=feed, items=items, ssm_session_id=ssm_session_id)
    judged = findings.judge(new, effective)
    session_of = execsessions.join(new, tally)
    found = findings.keep(judged, session_of, tally)
    route(found, timezone.now())
    findings.count(set(session_of.values()))
    tally.save(feed.account_id)
    return len(new)


def end_suppressions(stop: StopEvent) -> None:
    """End the suppressions that are due, open what ended ones suppressed, and write down whom to tell of it.

    What isn't opened when the turn is over, the next one goes on with.
    """
    until = timezone.now() + OPENING_TURN
    triage.end_suppressions(timezone.now())
    for suppression_id in triage.opening():
        while not stop.is_set() and timezone.now() < until and open_page(suppression_id):
            pass


def open_page(suppression_id: int) -> bool:
    """Open the next findings that an ended suppression suppressed, with whom to tell of it; False when nothing is left."""
    with transaction.atomic():
        opened = triage.open_again(suppression_id, timezone.now())
        route_back([finding.pk for finding in opened or ()], timezone.now())
    return opened is not None
