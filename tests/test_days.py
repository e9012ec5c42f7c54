"""Whole days: what they begin with, and that every count equals the list that it leads to, at any time of the day."""

import html
import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.test import Client
from django.utils import timezone as clock

from ecsaudit.days import first_of, start_of
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.library.effective import rules
from tests import factories

SHELL = "Terminal Shell in ECS Container"


@pytest.mark.parametrize(
    ("days", "now", "start"),
    [
        (2, datetime(2026, 11, 25, 0, 0, tzinfo=UTC), date(2026, 11, 24)),
        (30, datetime(2026, 11, 25, 23, 59, tzinfo=UTC), date(2026, 10, 27)),
        (7, datetime(2026, 11, 25, 1, 0, tzinfo=timezone(timedelta(hours=2))), date(2026, 11, 18)),
    ],
)
def test_so_many_days_begin_at_a_midnight_of_utc(days: int, now: datetime, start: date) -> None:
    assert start_of(days, now) == datetime(start.year, start.month, start.day, tzinfo=UTC)
    assert first_of(days, now.astimezone(UTC).date()) == start


def test_one_day_is_the_last_24_hours() -> None:
    assert start_of(1, datetime(2026, 11, 25, 0, 10, tzinfo=UTC)) == datetime(2026, 11, 24, 0, 10, tzinfo=UTC)


@pytest.fixture(params=[(0, 0, 5), (12, 0, 0), (23, 59, 55)], ids=["after midnight", "noon", "before midnight"])
def now(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> datetime:
    hour, minute, second = request.param
    now = clock.now().replace(hour=hour, minute=minute, second=second, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: now)
    return now


def findings_around(midnight: datetime, now: datetime) -> None:
    """One just before a list begins, one with which it begins, one now; in their tables, told to a channel, and counted."""
    for at in (midnight - timedelta(microseconds=1), midnight, now):
        session = factories.exec_session(started_at=at)
        made = factories.finding(session=session, rule=SHELL)
        factories.delivery(finding=made, created_at=at)
        tally = Tally()
        tally.session(session, 1)
        tally.finding(at.date(), made.rule, made.tag_set_id)
        tally.save(session.account_id)


def link(client: Client, page: str, pattern: str) -> tuple[str, str]:
    """The address and the number of a link."""
    found = re.search(pattern, html.unescape(client.get(page).content.decode()))
    assert found, pattern
    return found["address"], found["number"]


def listed(client: Client, address: str) -> int:
    return sum(1 for _ in b"".join(client.get(f"{address}&as=jsonl")).splitlines())


@pytest.mark.django_db
def test_every_count_of_thirty_days_is_that_of_the_list_it_leads_to(as_vera: Client, now: datetime) -> None:
    rules.current()
    findings_around(start_of(30, now), now)
    for page, pattern in (
        ("/", r'href="(?P<address>/sessions/\?[^"]*)">(?P<number>\d+) exec session'),
        ("/", r'href="(?P<address>/findings/\?[^"]*)">(?P<number>\d+) finding'),
        ("/rules/?q=Terminal", r'href="(?P<address>/findings/\?rule=Terminal[^"]*)">\d+ · (?P<number>\d+)<'),
    ):
        address, number = link(as_vera, page, pattern)
        assert (int(number), listed(as_vera, address)) == (2, 2), page
    # Without any word in the address, thirty days are meant as well.
    assert listed(as_vera, "/sessions/?") == listed(as_vera, "/findings/?view=flat") == 2
    assert '#caught">2</a>' in as_vera.get("/policies/").content.decode()


@pytest.mark.django_db
def test_a_channel_s_count_of_seven_days_is_that_of_the_list_it_leads_to(as_vera: Client, now: datetime) -> None:
    findings_around(start_of(7, now), now)
    pattern = r'href="(?P<address>/deliveries/\?channel=\d+&days=7)">(?P<number>\d+)<'
    address, number = link(as_vera, "/channels/", pattern)
    assert (int(number), listed(as_vera, address)) == (2, 2)
