from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecsaudit.execsessions.models import ExecSession
from ecsaudit.web.paging import PAGE_SIZE, Page, Place, page, place_of
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def read(**at: Any) -> Page:
    rows = ExecSession.objects.values("pk", "started_at")
    places = {name: place_of(token) for name, token in at.items()}
    return page(rows, "started_at", after=places.get("after"), before=places.get("before"))


@pytest.fixture
def many() -> list[int]:
    """The ids of 130 sessions, newest first, of which many share their second."""
    made = [factories.exec_session(started_at=NOW - timedelta(seconds=number // 20)) for number in range(130)]
    return [session.pk for session in sorted(made, key=lambda each: (each.started_at, each.pk), reverse=True)]


def test_walking_to_the_end_and_back_shows_each_row_once(many: list[int]) -> None:
    pages = [read()]
    while pages[-1].older:
        pages.append(read(after=pages[-1].older))
    assert [row["pk"] for each in pages for row in each.rows] == many
    assert [len(each.rows) for each in pages] == [PAGE_SIZE, PAGE_SIZE, 30]
    back = [pages[-1]]
    while back[-1].newer:
        back.append(read(before=back[-1].newer))
    assert [row["pk"] for each in reversed(back) for row in each.rows] == many


def test_the_first_page_has_no_newer_and_the_last_no_older(many: list[int]) -> None:
    assert read().newer == ""
    last = read(after=read(after=read().older).older)
    assert last.older == ""


def test_no_rows_are_a_page_without_neighbours() -> None:
    assert read() == Page([], "", "")


@pytest.mark.parametrize("token", ["", "x", "1.", "1.2.3", "9" * 18 + ".1", "1." + "9" * 19, "١.١"])
def test_what_is_no_token_is_none(token: str) -> None:
    assert place_of(token) is None


def test_a_place_keeps_its_microseconds() -> None:
    place = Place(datetime(1969, 12, 31, 23, 59, 59, 123456, tzinfo=UTC), 7)
    assert place_of(place.token) == place
