from datetime import UTC, date, datetime

import pytest
from django.http import QueryDict

from ecsaudit.web.filters import ListFilter, Spec
from ecsaudit.web.period import Period, period_of

SPEC = Spec(time="", dimensions=(), exact=(), text=())
TODAY = date(2026, 11, 25)


def read(address: str) -> tuple[Period, list[str]]:
    return period_of(ListFilter.read(SPEC, QueryDict(address)), TODAY)


@pytest.mark.parametrize(
    ("address", "first", "last"),
    [
        ("", date(2026, 10, 27), None),
        ("days=1", date(2026, 11, 25), None),
        ("from=2026-11-01", date(2026, 11, 1), None),
        ("from=2026-11-01&to=2026-11-03", date(2026, 11, 1), date(2026, 11, 3)),
        ("to=2026-11-30", date(2026, 11, 1), date(2026, 11, 30)),
        ("from=2026-11-01T22:00:00-05:00", date(2026, 11, 2), None),
        ("to=0001-01-05", date(1, 1, 1), date(1, 1, 5)),
    ],
)
def test_the_address_gives_whole_days(address: str, first: date, last: date | None) -> None:
    assert read(address)[0] == Period(first, last)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("from=2026-11-01T09:30:00", ["“from” counts as a whole day here; the time of day is left out"]),
        ("to=2026-11-30", ["without “from”, the 30 days up to “to” are shown"]),
        ("from=2026-11-03&to=2026-11-01", ["“from” lies after “to”, so no day lies between them"]),
        ("from=2026-11-01&to=2026-11-03", []),
    ],
)
def test_what_can_not_be_used_as_it_stands_is_told(address: str, told: list[str]) -> None:
    assert read(address)[1] == told


def test_a_period_has_moments_words_and_addresses() -> None:
    period, now = Period(date(2026, 11, 1), date(2026, 11, 3)), datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert (period.start, period.end(now)) == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC))
    assert period.words == "2026-11-01 to 2026-11-03, UTC"
    assert period.address("/findings/", control="hipaa:164.312(b)") == (
        "/findings/?from=2026-11-01&to=2026-11-03&control=hipaa%3A164.312%28b%29"
    )
    assert Period(date(2026, 11, 1), None).end(now) == now
    assert Period(date(2026, 11, 1), None).address("/findings/") == "/findings/?from=2026-11-01"
