"""What is read: a feed for each account and Region, a query for each event name; and how each of them stands."""

import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event as StopEvent

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ecsaudit.cloudtrail.leases import Lease
from ecsaudit.cloudtrail.models import Account, Feed, FeedState, Query
from ecsaudit.cloudtrail.sources.lookup_events import Page, Trouble
from ecsaudit.cloudtrail.windows import choose_window, drain_window

logger = logging.getLogger(__name__)
# After a failure the next try waits this long, doubled for each further one, up to the longest.
FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=10)


def sync_feeds(now: datetime) -> None:
    """Make the feeds that the accounts' Regions ask for; drop those of Regions taken off the list. Events stay."""
    for account in Account.objects.prefetch_related("feeds"):
        wanted = {region for region in account.regions if isinstance(region, str) and region}
        present = {feed.region: feed.pk for feed in account.feeds.all()}
        if wanted == present.keys():
            continue
        with transaction.atomic():
            Feed.objects.bulk_create(
                (
                    Feed(account=account, region=region, next_attempt_at=now)
                    for region in sorted(wanted - present.keys())
                ),
                ignore_conflicts=True,
            )
            Feed.objects.filter(pk__in=[pk for region, pk in present.items() if region not in wanted]).delete()


def sync_queries(lease: Lease, event_names: Sequence[str], now: datetime, backfill: timedelta) -> list[Query]:
    """The feed's queries in the order of `event_names`: new names begin with a backfill, others are forgotten."""
    feed = lease.feed
    with transaction.atomic():
        lease.renew(now)
        feed.queries.exclude(event_name__in=event_names).delete()
        Query.objects.bulk_create(
            (Query(feed=feed, event_name=name, backfill_from=now - backfill) for name in event_names),
            ignore_conflicts=True,
        )
    by_name = {query.event_name: query for query in feed.queries.all()}
    return [by_name[name] for name in event_names]


def next_due(lease: Lease, queries: Sequence[Query], now: datetime, poll_every: timedelta) -> Query | None:
    """The first query with something to read; its window is open and saved."""
    query = next((query for query in queries if choose_window(query, now, poll_every)), None)
    if query is not None:
        with transaction.atomic():
            lease.renew(now)
            query.save()
    return query


def pace(feed: Feed, stop: StopEvent) -> None:
    """Wait until the feed may be asked again: its last request, whoever made it, must be long enough ago."""
    gap = timedelta(seconds=1 / settings.LOOKUPS_PER_SECOND)
    now = timezone.now()
    if feed.last_request_at is not None and (wait := feed.last_request_at + gap - now) > timedelta():
        stop.wait(min(wait, gap).total_seconds())
    feed.last_request_at = timezone.now()


def note_page(lease: Lease, query: Query, page: Page, *, new: int, now: datetime) -> None:
    """Write down a page that was taken in. Must run in the transaction that stored it."""
    times = [item["EventTime"] for item in page.items if isinstance(item.get("EventTime"), datetime)]
    query.pages += 1
    query.events_seen += len(page.items)
    query.events_new += new
    query.window_reached_at = min(times, default=query.window_reached_at)
    if page.next_token is None:
        drain_window(query)
    query.save()
    feed = lease.feed
    feed.requests += 1 + page.retries
    feed.throttles += page.retries
    feed.last_event_at = max(
        (moment for moment in [feed.last_event_at, *times] if moment and moment <= now), default=None
    )
    feed.last_polled_at = now
    feed.save(update_fields=["requests", "throttles", "last_event_at", "last_polled_at", "last_request_at"])


def note_success(lease: Lease, next_attempt_at: datetime) -> None:
    feed = lease.feed
    feed.state, feed.next_attempt_at = FeedState.WAITING, next_attempt_at
    feed.failures_in_a_row, feed.error_code, feed.error_message = 0, "", ""
    lease.release()


def note_trouble(lease: Lease, trouble: Trouble, now: datetime) -> None:
    """Give the feed back until later: the window stays open, and the screen says what is wrong."""
    feed = lease.feed
    feed.state, feed.error_code, feed.error_message = trouble.state, trouble.code[:128], trouble.message
    feed.requests += 1
    if trouble.state == FeedState.THROTTLED:
        feed.throttles += 1
    else:
        feed.errors += 1
    wait = min(FIRST_WAIT * 2 ** min(feed.failures_in_a_row, 16), LONGEST_WAIT)
    feed.failures_in_a_row += 1
    # Jitter, so that Regions that failed together don't come back together.
    feed.next_attempt_at = now + wait * random.uniform(0.75, 1.25)
    lease.release()
    logger.warning(
        "reading failed",
        extra={
            "account": feed.account.account_id,
            "region": feed.region,
            "code": trouble.code,
            "wait_seconds": wait.seconds,
        },
    )
