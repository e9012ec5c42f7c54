import threading
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from ecsaudit.cloudtrail import feeds, leases
from ecsaudit.cloudtrail.leases import Lease, LeaseLost
from ecsaudit.cloudtrail.models import Feed, Query, WindowKind
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
NINETY_DAYS = timedelta(days=90)


def take() -> Lease:
    lease = leases.take(factories.feed().pk, NOW, timedelta(seconds=30))
    assert lease is not None
    return lease


def regions() -> list[str]:
    return sorted(Feed.objects.values_list("region", flat=True))


def test_feeds_follow_the_regions_of_their_accounts() -> None:
    account = factories.account(regions=["eu-west-1", "us-east-1"])
    feeds.sync_feeds(NOW)
    assert regions() == ["eu-west-1", "us-east-1"]
    kept = Feed.objects.get(region="eu-west-1").pk
    account.regions = ["eu-west-1", "ap-south-1", "", 7]
    account.save()
    feeds.sync_feeds(NOW)
    assert regions() == ["ap-south-1", "eu-west-1"]
    assert Feed.objects.get(region="eu-west-1").pk == kept


def test_new_event_names_begin_with_a_backfill_and_forgotten_ones_are_dropped() -> None:
    lease = take()
    feeds.sync_queries(lease, ["ExecuteCommand", "StopTask"], NOW, NINETY_DAYS)
    first, second = feeds.sync_queries(lease, ["ExecuteCommand", "RunTask"], NOW + timedelta(hours=1), NINETY_DAYS)
    assert (first.event_name, first.backfill_from) == ("ExecuteCommand", NOW - NINETY_DAYS)
    assert (second.event_name, second.backfill_from) == ("RunTask", NOW + timedelta(hours=1) - NINETY_DAYS)
    assert Query.objects.count() == 2


def test_the_next_query_s_window_is_written_down_before_it_is_read() -> None:
    lease = take()
    queries = feeds.sync_queries(lease, ["ExecuteCommand"], NOW, NINETY_DAYS)
    assert feeds.next_due(lease, queries, NOW, timedelta(minutes=1)) == queries[0]
    assert Query.objects.get().window_kind == WindowKind.BACKFILL


def test_nothing_is_written_for_a_feed_that_was_removed() -> None:
    lease = take()
    queries = feeds.sync_queries(lease, ["ExecuteCommand"], NOW, NINETY_DAYS)
    Feed.objects.all().delete()
    with pytest.raises(LeaseLost):
        feeds.next_due(lease, queries, NOW, timedelta(minutes=1))
    assert not Query.objects.exists()


def test_requests_of_one_feed_keep_their_distance_whoever_makes_them(settings: Settings) -> None:
    settings.LOOKUPS_PER_SECOND = 20
    feed = factories.feed(last_request_at=timezone.now())
    before = timezone.now()
    for _ in range(3):
        feeds.pace(feed, threading.Event())
    assert timezone.now() - before >= timedelta(seconds=3 / 20) * 0.9


def test_a_stopping_worker_does_not_wait_for_its_turn(settings: Settings) -> None:
    settings.LOOKUPS_PER_SECOND = 1
    stopping = threading.Event()
    stopping.set()
    feed = factories.feed(last_request_at=timezone.now())
    before = timezone.now()
    feeds.pace(feed, stopping)
    assert timezone.now() - before < timedelta(seconds=0.5)


def test_a_clock_that_was_set_back_does_not_stop_the_reading(settings: Settings) -> None:
    settings.LOOKUPS_PER_SECOND = 20
    feed = factories.feed(last_request_at=timezone.now() + timedelta(days=1))
    before = timezone.now()
    feeds.pace(feed, threading.Event())
    assert timezone.now() - before < timedelta(seconds=1)


def test_only_feeds_whose_time_has_come_are_due() -> None:
    due = factories.feed()
    factories.feed(region="later", next_attempt_at=NOW + timedelta(seconds=1))
    factories.feed(region="held", lease_expires_at=NOW + timedelta(seconds=1))
    expired = factories.feed(region="expired", lease_expires_at=NOW)
    factories.feed(region="off", account=factories.account("444455556666", enabled=False))
    assert set(Feed.objects.due(NOW)) == {due, expired}
