"""One worker at a time for each feed: the lease is a row changed by compare-and-set, never a lock in memory.

LeaseLost               somebody else took the feed over, or it is gone; stop without writing
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.db.models import Q

from ecsaudit.cloudtrail.models import Feed, FeedState


class LeaseLost(RuntimeError):
    """The feed is no longer ours."""


@dataclass(frozen=True, slots=True)
class Lease:
    feed: Feed
    owner: str
    duration: timedelta

    def renew(self, now: datetime) -> None:
        """Hold the feed for another while; LeaseLost if it isn't ours. Inside a transaction, also locks the row."""
        held = Feed.objects.filter(pk=self.feed.pk, lease_owner=self.owner)
        if not held.update(lease_expires_at=now + self.duration):
            raise LeaseLost(f"the lease of feed {self.feed.pk} is held by somebody else, or the feed is gone")

    def release(self) -> None:
        """Give the feed back, with what was noted on it; does nothing if somebody else holds it."""
        feed = self.feed
        Feed.objects.filter(pk=feed.pk, lease_owner=self.owner).update(
            lease_owner="",
            lease_expires_at=None,
            state=feed.state,
            next_attempt_at=feed.next_attempt_at,
            last_polled_at=feed.last_polled_at,
            requests=feed.requests,
            throttles=feed.throttles,
            errors=feed.errors,
            failures_in_a_row=feed.failures_in_a_row,
            error_code=feed.error_code,
            error_message=feed.error_message,
        )


def take(feed_id: int, now: datetime, duration: timedelta) -> Lease | None:
    """The lease of a feed that is due, or None: not due, held by a live worker, or gone."""
    owner = uuid4().hex
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now)
    taken = Feed.objects.filter(free, pk=feed_id, next_attempt_at__lte=now).update(
        lease_owner=owner, lease_expires_at=now + duration, state=FeedState.COLLECTING
    )
    if not taken:
        return None
    feed = Feed.objects.select_related("account").filter(pk=feed_id).first()
    return None if feed is None else Lease(feed=feed, owner=owner, duration=duration)
