"""What “the last 30 days” means, wherever something is counted or listed: whole days (UTC), today among them.

A count and the list that it leads to begin at the same midnight then, also where the count is kept by days.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


def first_of(days: int, today: date) -> date:
    """The first of so many days; of one it is today."""
    return today - timedelta(days=days - 1)


def start_of(days: int, now: datetime) -> datetime:
    """The moment at which so many days began. One day is the last 24 hours: after midnight, today alone hides the night."""
    if days == 1:
        return now - timedelta(hours=24)
    return midnight(first_of(days, now.astimezone(UTC).date()))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
