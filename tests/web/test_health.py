from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from ecsaudit.cloudtrail.models import Account, Feed, FeedState
from ecsaudit.web.health import Health, health
from tests import factories

pytestmark = pytest.mark.django_db
NOW = factories.NOW
COMPLETE = {"covered_from": NOW - timedelta(days=90), "covered_to": NOW}


def feed(region: str, *, ago: float | None = 10, read: dict[str, Any] = COMPLETE, **fields: Any) -> Feed:
    """A feed of the account named production, read `ago` seconds before NOW."""
    owner = fields.pop("account", None) or factories.account(alias="production")
    polled = NOW - timedelta(seconds=ago) if ago is not None else None
    made = factories.feed(region=region, account=owner, last_polled_at=polled, **fields)
    factories.query(feed=made, **read)
    return made


def state() -> Health:
    return health(list(Feed.objects.for_collection_screen()), NOW)


def test_without_a_feed_nothing_is_read() -> None:
    assert state().sentence == "No account is read yet."
    assert not state().is_reading_the_past


@pytest.mark.parametrize(("ago", "words"), [(10, "minute"), (70, "5 minutes"), (800, "15 minutes")])
def test_when_all_is_well_it_says_how_recently_everything_was_read(ago: float, words: str) -> None:
    feed("eu-west-1")
    feed("us-east-1", ago=ago)
    assert state().sentence == f"All 2 account × Region pairs were read in the last {words}."


def test_a_single_feed_is_named() -> None:
    feed("eu-west-1")
    assert state().sentence == "production eu-west-1 was read in the last minute."


def test_a_slow_pace_is_not_called_a_gap(settings: Settings) -> None:
    settings.POLL_SECONDS = 3_600
    feed("eu-west-1", ago=7_000)
    assert state().sentence == "production eu-west-1 was read in the last 1 h."


def test_a_feed_that_is_no_longer_read_is_named_with_its_gap() -> None:
    feed("eu-west-1")
    feed("us-east-1", ago=3 * 3_600)
    assert state().sentence == "production us-east-1 has not been read for 3 h."


def test_many_gaps_are_counted_and_the_longest_told() -> None:
    for number in range(3):
        feed(f"eu-west-{number}", ago=(number + 1) * 3_600)
    feed("us-east-1")
    assert state().sentence == "3 of 4 account × Region pairs have not been read for up to 3 h."


def test_what_is_broken_comes_first() -> None:
    feed("eu-west-1", state=FeedState.DENIED, error_code="AccessDeniedException")
    feed("us-east-1", ago=3_600)
    assert state().sentence == "production eu-west-1 can't be read now. production us-east-1 has not been read for 1 h."


def test_the_first_read_is_told_with_its_per_cent() -> None:
    feed(
        "eu-west-1", read={"covered_from": NOW - timedelta(days=45), "covered_to": NOW, "pages": 7, "events_new": 1_300}
    )
    assert state().sentence == "The first read is at 50 %: 7 pages, 1,300 events so far."
    assert state().percent == 50
    assert state().is_reading_the_past


def test_a_feed_that_nobody_has_turned_to_yet_counts_as_unread() -> None:
    feed("eu-west-1")
    factories.feed(region="us-east-1")
    assert state().percent == 50
    assert state().is_reading_the_past


def test_a_broken_first_read_waits_for_a_person() -> None:
    feed("eu-west-1", ago=None, read={}, state=FeedState.DENIED, error_code="AccessDenied")
    assert not state().is_reading_the_past
    assert state().feeds[0].read == "not yet"


def test_an_account_that_is_switched_off_is_neither_late_nor_unfinished() -> None:
    feed("eu-west-1", ago=10**6, read={}, account=factories.account("999988887777", enabled=False))
    assert state().sentence == "Reading is switched off for every account."
    assert state().feeds[0].word == "Paused"
    feed("us-east-1")
    assert state().sentence == "production us-east-1 was read in the last minute."
    assert not state().is_reading_the_past


def test_every_state_has_its_own_glyph() -> None:
    for number, choice in enumerate(FeedState):
        feed(f"eu-west-{number}", state=choice)
    feed("us-east-1", account=factories.account("999988887777", enabled=False))
    glyphs = [each.glyph for each in state().feeds]
    assert len(set(glyphs)) == len(glyphs) == len(FeedState) + 1


def test_a_hostile_alias_is_shown_with_marks() -> None:
    feed("eu-west-1", account=Account.objects.create(account_id="1", alias="pro\u202eduction"))
    assert state().feeds[0].name == "pro‹U+202E›duction eu-west-1"
