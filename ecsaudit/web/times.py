"""Moments and spans as people read them. Times are UTC."""

from datetime import datetime, timedelta


def moment(value: datetime) -> str:
    """`2026-11-02 09:30:05 UTC`."""
    return f"{stamp(value)} UTC"


def stamp(value: datetime) -> str:
    """`2026-11-02 09:30:05`, where the zone stands elsewhere; years before 1000 keep their zeros on every platform."""
    return value.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")


def minute(value: datetime) -> str:
    """`2026-11-02 09:30`."""
    return stamp(value)[:16]


def span(value: timedelta) -> str:
    """A span in its largest unit, rounded down: `12 s`, `3 min`, `5 h`, `2 d`."""
    seconds = max(int(value.total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
