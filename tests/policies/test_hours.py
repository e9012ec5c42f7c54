"""Hours of a policy: past midnight, in time zones, and on the days when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecsaudit.policies.hours import Hours, days_in_words, zones

WORKDAYS = frozenset(range(5))
OFFICE = Hours(WORKDAYS, time(8), time(18), "Europe/Berlin")
NIGHT = Hours(frozenset({4}), time(22), time(6))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-02 06:59", False),  # Monday 07:59 in Berlin
        ("2026-11-02 07:00", True),
        ("2026-11-02 16:59", True),
        ("2026-11-02 17:00", False),
        ("2026-11-07 12:00", False),  # Saturday
        ("2026-07-06 06:00", True),  # in summer Berlin is an hour further
        ("2026-07-06 05:59", False),
    ],
)
def test_hours_are_those_of_the_time_zone(moment: str, expected: bool) -> None:
    assert OFFICE.include(at(moment)) is expected
    outside = Hours(OFFICE.days, OFFICE.start, OFFICE.end, OFFICE.zone, outside=True)
    assert outside.include(at(moment)) is not expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-06 21:59", False),  # Friday
        ("2026-11-06 22:00", True),
        ("2026-11-07 05:59", True),  # Saturday, still Friday's
        ("2026-11-07 06:00", False),
        ("2026-11-06 03:00", False),  # that is Thursday's
        ("2026-11-07 23:00", False),
    ],
)
def test_a_span_past_midnight_belongs_to_the_day_on_which_it_began(moment: str, expected: bool) -> None:
    assert NIGHT.include(at(moment)) is expected


def test_sunday_s_night_ends_on_monday() -> None:
    assert Hours(frozenset({6}), time(22), time(6)).include(at("2026-11-09 05:00"))


def test_the_hour_that_comes_twice_counts_twice() -> None:
    # On 2026-10-25 at 03:00 clocks in Berlin go back to 02:00.
    hours = Hours(frozenset(range(7)), time(2), time(3), "Europe/Berlin")
    inside = [hours.include(at("2026-10-24 23:00") + timedelta(minutes=30) * step) for step in range(8)]
    assert inside == [False, False, True, True, True, True, False, False]


def test_the_hour_that_is_left_out_holds_nothing() -> None:
    # On 2026-03-29 at 02:00 clocks in Berlin go on to 03:00.
    hours = Hours(frozenset(range(7)), time(2), time(3), "Europe/Berlin")
    assert not any(hours.include(at("2026-03-28 23:00") + timedelta(minutes=5) * step) for step in range(48))


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
    st.times(),
)
def test_every_day_from_a_time_to_itself_is_always(moment: datetime, zone: str, clock: time) -> None:
    assert Hours(frozenset(range(7)), clock.replace(tzinfo=None), clock.replace(tzinfo=None), zone).include(moment)


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.times(),
    st.times(),
    st.frozensets(st.integers(0, 6)),
)
def test_a_span_and_its_rest_of_the_day_share_no_moment(
    moment: datetime, start: time, end: time, days: frozenset[int]
) -> None:
    if start == end:
        return
    hours, rest = Hours(days, start, end), Hours(days, end, start)
    both = hours.include(moment) and rest.include(moment)
    # They overlap only where the rest of one day runs into the span of the next.
    assert not both or (start > end or moment.time() < start) or moment.time() >= end


def test_hours_are_told_in_words() -> None:
    assert str(OFFICE) == "Mon–Fri 08:00–18:00 Europe/Berlin"
    assert str(Hours(frozenset({5, 6}), time(), time(), outside=True)) == "outside Sat, Sun all day UTC"
    assert days_in_words([0, 2, 3, 4]) == "Mon, Wed–Fri"
    assert days_in_words(list(range(7))) == "every day"


def test_time_zones_have_names() -> None:
    assert {"UTC", "Europe/Berlin", "America/New_York"} <= zones()
