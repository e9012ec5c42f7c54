from datetime import timedelta

import pytest

from ecsaudit.cloudtrail import leases
from ecsaudit.cloudtrail.models import Feed, FeedState
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HALF_A_MINUTE = timedelta(seconds=30)


def test_only_one_worker_holds_a_feed() -> None:
    feed = factories.feed()
    assert leases.take(feed.pk, NOW, HALF_A_MINUTE) is not None
    assert leases.take(feed.pk, NOW, HALF_A_MINUTE) is None
    feed.refresh_from_db()
    assert feed.state == FeedState.COLLECTING


def test_a_dead_worker_s_lease_can_be_taken_over_and_the_dead_one_can_write_no_more() -> None:
    feed = factories.feed()
    dead = leases.take(feed.pk, NOW, HALF_A_MINUTE)
    later = NOW + HALF_A_MINUTE
    taken_over = leases.take(feed.pk, later, HALF_A_MINUTE)
    assert dead is not None
    assert taken_over is not None
    taken_over.renew(later)
    with pytest.raises(leases.LeaseLost):
        dead.renew(later)
    dead.feed.error_code = "written by the dead"
    dead.release()
    feed.refresh_from_db()
    assert (feed.lease_owner, feed.error_code) == (taken_over.owner, "")


def test_a_feed_that_is_not_due_or_gone_is_not_taken() -> None:
    assert leases.take(factories.feed(next_attempt_at=NOW + HALF_A_MINUTE).pk, NOW, HALF_A_MINUTE) is None
    assert leases.take(0, NOW, HALF_A_MINUTE) is None


def test_a_released_feed_is_free_again_and_keeps_what_was_noted() -> None:
    feed = factories.feed()
    lease = leases.take(feed.pk, NOW, HALF_A_MINUTE)
    assert lease is not None
    lease.feed.state, lease.feed.throttles = FeedState.THROTTLED, 3
    lease.release()
    feed.refresh_from_db()
    assert (feed.state, feed.throttles, feed.lease_expires_at) == (FeedState.THROTTLED, 3, None)
    assert leases.take(feed.pk, NOW, HALF_A_MINUTE) is not None


def test_a_removed_feed_ends_its_lease() -> None:
    lease = leases.take(factories.feed().pk, NOW, HALF_A_MINUTE)
    assert lease is not None
    Feed.objects.all().delete()
    with pytest.raises(leases.LeaseLost):
        lease.renew(NOW)
