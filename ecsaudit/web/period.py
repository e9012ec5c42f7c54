"""The period of a screen that counts whole days: the same `days`, `from` and `to` in its address as the lists have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from ecsaudit.days import first_of, midnight
from ecsaudit.web.filters import DATE, DEFAULT_DAYS, ListFilter, moment_of


@dataclass(frozen=True, slots=True)
class Period:
    """Days (UTC) from `first` to `last`, both within; no last one: up to now."""

    first: date
    last: date | None

    @property
    def start(self) -> datetime:
        return midnight(self.first)

    def end(self, now: datetime) -> datetime:
        return now if self.last is None else midnight(self.last + timedelta(days=1))

    @property
    def words(self) -> str:
        """`2026-10-27 to 2026-11-25, UTC`."""
        return f"{self.first} to {self.last or 'now'}, UTC"

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """For the address of a list that shows the same period."""
        return [("from", str(self.first)), *([("to", str(self.last))] if self.last else [])]

    def address(self, base: str, **more: str) -> str:
        """The list at `base` in this period, filtered by `more`."""
        return f"{base}?{urlencode([*self.pairs, *more.items()])}"


def period_of(filter: ListFilter, today: date) -> tuple[Period, list[str]]:
    """The period that a filter asks for, and what of it could not be used as it stands."""
    problems = [
        f"“{name}” counts as a whole day here; the time of day is left out"
        for name, text in (("from", filter.start), ("to", filter.end))
        if text and not DATE.fullmatch(text)
    ]
    if filter.days is not None:
        return Period(first_of(filter.days, today), None), problems
    last = moment_of(filter.end).date() if filter.end else None
    if filter.start:
        first = moment_of(filter.start).date()
    else:
        first = date.fromordinal(max((last or today).toordinal() - DEFAULT_DAYS + 1, 1))
        problems.append(f"without “from”, the {DEFAULT_DAYS} days up to “to” are shown")
    if last is not None and last < first:
        problems.append("“from” lies after “to”, so no day lies between them")
    return Period(first, last), problems
