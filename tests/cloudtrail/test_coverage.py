from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.cloudtrail.coverage import DELIVERY, Coverage, Gap, Source, coverage, tolerance
from tests import factories

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)
DAY = timedelta(days=1)
NAME = "ExecuteCommand"


def gaps(covered: tuple[datetime, datetime] | None) -> list[tuple[datetime, datetime]]:
    """The gaps of a source of which this much is covered."""
    source = Source("production", "eu-west-1", {NAME: covered} if covered else {})
    return [(gap.start, gap.end) for gap in Coverage(START, END, (source,)).gaps([NAME]).get(NAME, ())]


def test_what_was_read_from_before_the_start_to_the_end_has_no_gap() -> None:
    assert gaps((START - DAY, END + DAY)) == []
    assert gaps((START, END)) == []


def test_what_lies_before_and_after_the_covered_time_is_a_gap() -> None:
    assert gaps((START + DAY, END)) == [(START, START + DAY)]
    assert gaps((START, END - DAY)) == [(END - DAY, END)]
    assert gaps((START + DAY, END - DAY)) == [(START, START + DAY), (END - DAY, END)]


def test_what_was_never_read_is_one_gap() -> None:
    assert gaps(None) == [(START, END)]
    assert gaps((START - 3 * DAY, START - DAY)) == [(START, END)]
    assert gaps((END + DAY, END + 2 * DAY)) == [(START, END)]
    assert gaps((END, END + DAY)) == [(START, END)]


def test_each_source_and_event_name_is_looked_at() -> None:
    full = Source("production", "eu-west-1", {NAME: (START, END), "StartSession": (START, END)})
    half = Source("production", "us-east-1", {NAME: (START, END)})
    found = Coverage(START, END, (full, half)).gaps([NAME, "StartSession"])
    assert found == {"StartSession": (Gap(half, "StartSession", START, END),)}


def test_a_period_that_can_not_have_been_read_yet_has_no_gaps_and_is_void() -> None:
    source = Source("production", "eu-west-1")
    early = Coverage(START, START - DAY, (source,))
    assert early.gaps([NAME]) == {}
    assert early.is_void
    assert Coverage(START, END, ()).is_void
    assert not Coverage(START, END, (source,)).is_void


def test_the_tolerance_is_a_pause_of_polling_and_cloudtrails_delay(settings: Settings) -> None:
    settings.POLL_SECONDS = 300
    assert tolerance() == timedelta(minutes=5) + DELIVERY


@pytest.mark.django_db
def test_the_last_minutes_that_polling_has_not_reached_are_no_gap(settings: Settings) -> None:
    settings.POLL_SECONDS = 60
    feed = factories.feed()
    factories.query(feed=feed, covered_from=START, covered_to=END - timedelta(minutes=16))
    assert coverage(START, END + DAY, now=END).gaps([NAME]) == {}
    late = coverage(START, END + DAY, now=END + timedelta(minutes=1))
    gap = late.gaps([NAME])[NAME][0]
    assert (gap.start, gap.end) == (END - timedelta(minutes=16), END - timedelta(minutes=15))


@pytest.mark.django_db
def test_a_period_of_the_past_ends_where_it_ends() -> None:
    factories.query(covered_from=START, covered_to=END + DAY)
    assert coverage(START, END, now=END + 10 * DAY).end == END


@pytest.mark.django_db
def test_missing_feeds_missing_queries_and_unread_ones_are_gaps() -> None:
    account = factories.account(alias="production", regions=["eu-west-1", "us-east-1", "eu-central-1", "", 7])
    factories.query(feed=factories.feed(account=account), covered_from=START, covered_to=END)
    factories.query(feed=factories.feed(account=account, region="us-east-1"), event_name="StartSession")
    factories.account("444455556666", alias="nowhere", regions=[])
    found = coverage(START, END, now=END + DAY)
    assert [(source.account, source.region) for source in found.sources] == [
        ("production", "eu-central-1"), ("production", "eu-west-1"), ("production", "us-east-1"), ("nowhere", ""),
    ]  # fmt: skip
    assert [gap.source.region for gap in found.gaps([NAME])[NAME]] == ["eu-central-1", "us-east-1", ""]
    assert len(found.gaps(["StartSession"])["StartSession"]) == 4


@pytest.mark.django_db
def test_accounts_that_are_switched_off_are_named_and_are_no_gap() -> None:
    off = factories.account(alias="sandbox", enabled=False)
    factories.query(feed=factories.feed(account=off), covered_from=START, covered_to=END)
    found = coverage(START, END, now=END + DAY)
    assert (found.sources, found.switched_off) == ((), ("sandbox",))


@pytest.mark.django_db
def test_reading_costs_two_queries_however_many_accounts(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(5):
        feed = factories.feed(account=factories.account(f"{number:012}"))
        for name in ("ExecuteCommand", "StartSession"):
            factories.query(feed=feed, event_name=name, covered_from=START, covered_to=END)
    with django_assert_num_queries(2):
        assert coverage(START, END, now=END + DAY).gaps(["ExecuteCommand", "StartSession"]) == {}
