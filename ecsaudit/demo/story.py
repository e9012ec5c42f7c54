"""The sample's story: what three made-up AWS accounts recorded, from 97 days before its anchor and on from there."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from random import Random

from ecsaudit.demo.accounts import ACCOUNTS, DemoAccount
from ecsaudit.demo.background import background_of_day
from ecsaudit.demo.break_glass import break_glass_night
from ecsaudit.demo.calls import Call
from ecsaudit.demo.contractor import hostile_commands, probing
from ecsaudit.demo.stored_events import StoredEvent, UnknownAccount
from ecsaudit.demo.ways_around import no_transcripts, port_forward, session_around_exec
from ecsaudit.demo.workday import execs_of_day

__all__ = ["ACCOUNTS", "DemoAccount", "Story"]

SEED = "ecsaudit sample 1"
DAYS_BEFORE_ANCHOR = 97
# Weeks that hardly anybody works, by the days from the anchor to a day within them.
QUIET_WEEKS = (61, 33)

# Days before the anchor. Those marked True happen on working days: on a weekend they move to the Friday.
EPISODES: tuple[tuple[int, bool, Callable[[date], Iterable[Call]]], ...] = (
    (48, True, no_transcripts),
    (21, False, break_glass_night),
    (16, True, port_forward),
    (12, False, probing),
    (11, False, probing),
    (10, True, hostile_commands),
    (5, True, session_around_exec),
)

Place = tuple[str, str]


class Story:
    """An EventStore. The same anchor always tells the same story, and what was told never changes.

    Each day is made from its own seed when it is first asked for, and kept. `anchor` is aware, in UTC.
    """

    def __init__(self, anchor: datetime) -> None:
        if anchor.utcoffset() != timedelta(0):
            raise ValueError(f"the anchor {anchor.isoformat()} is not in UTC")
        self._anchor_day = anchor.date()
        self._lock = threading.Lock()
        self._next_day = self._anchor_day - timedelta(days=DAYS_BEFORE_ANCHOR)
        self._told: dict[Place, list[StoredEvent]] = {
            (account.id, region): [] for account in ACCOUNTS for region in account.regions
        }
        self._quiet_weeks = {_week(self._anchor_day - timedelta(days=days)) for days in QUIET_WEEKS}
        self._episodes = defaultdict(list)
        for days, on_working_day, episode in EPISODES:
            self._episodes[_episode_day(self._anchor_day, days, on_working_day)].append(episode)

    def events(self, account_id: str, region: str, now: datetime) -> Sequence[StoredEvent]:
        """Newest first, only those delivered by `now`. Empty for a Region without clusters; raises UnknownAccount."""
        if account_id not in {account.id for account in ACCOUNTS}:
            raise UnknownAccount(account_id)
        with self._lock:
            self._tell_until(now.date())
            told = self._told.get((account_id, region), [])
            return [event for event in told if event.delivered_at <= now]

    def _tell_until(self, day: date) -> None:
        if self._next_day > day:
            return
        while self._next_day <= day:
            for call in self._calls(self._next_day):
                self._told[call.account_id, call.region].append(call.stored_event())
            self._next_day += timedelta(days=1)
        for told in self._told.values():
            told.sort(key=lambda event: (event.event_time, event.event_id), reverse=True)

    def _calls(self, day: date) -> Iterable[Call]:
        chance = Random(f"{SEED}/{day.isoformat()}")
        quiet = _week(day) in self._quiet_weeks
        yield from execs_of_day(day, chance, quiet=quiet)
        yield from background_of_day(day, chance, quiet=quiet)
        for episode in self._episodes[day]:
            yield from episode(day)


def _week(day: date) -> tuple[int, int]:
    year, week, _ = day.isocalendar()
    return year, week


def _episode_day(anchor_day: date, days: int, on_working_day: bool) -> date:
    day = anchor_day - timedelta(days=days)
    if on_working_day and day.weekday() >= 5:
        return day - timedelta(days=day.weekday() - 4)
    return day
