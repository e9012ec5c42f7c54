"""Hours of the week in a time zone, such as Monday to Friday, 08:00 to 18:00 in Europe/Berlin. Pure.

A span that ends at or before its beginning runs past midnight, and belongs to the day on which it began: Friday 22:00 to
06:00 holds Saturday at 03:00. What counts is the clock on the wall: an hour that comes twice in autumn counts twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
UTC = "UTC"


@cache
def zones() -> frozenset[str]:
    """The names of all time zones, such as Europe/Berlin."""
    return frozenset(available_timezones())


@cache
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@dataclass(frozen=True, slots=True)
class Hours:
    """`days` are 0 (Monday) to 6, those on which the span begins. With `outside`, all other times are meant."""

    days: frozenset[int]
    start: time
    end: time
    zone: str = UTC
    outside: bool = False

    def include(self, moment: datetime) -> bool:
        """Whether a moment lies in the hours that are meant."""
        return self.span_holds(self.local(moment)) is not self.outside

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(zone_of(self.zone))

    def span_holds(self, local: datetime) -> bool:
        clock, day = local.time(), local.weekday()
        if self.start < self.end:
            return day in self.days and self.start <= clock < self.end
        return (day in self.days and clock >= self.start) or ((day - 1) % 7 in self.days and clock < self.end)

    def __str__(self) -> str:
        """`outside Mon–Fri 08:00–18:00 Europe/Berlin`."""
        span = "all day" if self.is_all_day else f"{self.start:%H:%M}–{self.end:%H:%M}"
        return f"{'outside ' if self.outside else ''}{days_in_words(sorted(self.days))} {span} {self.zone}"

    @property
    def is_all_day(self) -> bool:
        return self.start == self.end == time()


def days_in_words(days: Sequence[int]) -> str:
    """`Mon–Fri`, `Sat, Sun`, `Mon, Wed–Fri`; `every day`."""
    if len(days) == len(DAYS):
        return "every day"
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    words = [f"{DAYS[run[0]]}–{DAYS[run[-1]]}" if len(run) > 2 else ", ".join(DAYS[day] for day in run) for run in runs]
    return ", ".join(words)
