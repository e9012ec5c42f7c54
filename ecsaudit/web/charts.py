"""Charts as numbers that a template draws as SVG. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

SERIES = (("opened", "opened"), ("denied", "denied"), ("failed", "failed"), ("around", "around ECS Exec"))
WIDTH, HEIGHT, TOP = 960, 150, 8


@dataclass(frozen=True, slots=True)
class Piece:
    """One colour of a bar, in SVG units."""

    series: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    day: str
    title: str
    x: str
    width: str
    pieces: Sequence[Piece]
    counts: Sequence[int]
    address: str


@dataclass(frozen=True, slots=True)
class Chart:
    width: int
    height: int
    highest: int
    bars: Sequence[Bar]
    series: Sequence[tuple[str, str]]

    @property
    def first(self) -> str:
        return self.bars[0].day

    @property
    def last(self) -> str:
        return self.bars[-1].day


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a top list; `width` is its bar's part of 100."""

    word: str
    count: int
    width: str
    address: str


def activity(counts: Iterable[tuple[date, str, int]], first: date, last: date, sessions: str) -> Chart:
    """A stacked bar for each day from `first` to `last`; `sessions` is the address of the list that bars link to."""
    by_day: dict[date, dict[str, int]] = {}
    for day, series, count in counts:
        by_day.setdefault(day, {})[series] = count
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    highest = max((sum(by_day.get(day, {}).values()) for day in days), default=0)
    step = WIDTH / len(days)
    bars = [bar(day, by_day.get(day, {}), number * step, step, highest, sessions) for number, day in enumerate(days)]
    return Chart(WIDTH, HEIGHT, highest, bars, SERIES)


def bar(day: date, counts: dict[str, int], x: float, step: float, highest: int, sessions: str) -> Bar:
    pieces, bottom = [], float(HEIGHT)
    for series, _ in SERIES:
        height = counts.get(series, 0) * (HEIGHT - TOP) / highest if highest else 0.0
        if height:
            bottom -= height
            # A hair between the colours, so that colour alone needn't tell them apart.
            pieces.append(Piece(series, f"{bottom:.1f}", f"{max(height - 1, 0.8):.1f}"))
    words = ", ".join(f"{counts[series]} {word}" for series, word in SERIES if counts.get(series))
    return Bar(
        day=day.isoformat(),
        title=f"{day.isoformat()}: {words or 'no sessions'}",
        x=f"{x + step * 0.1:.1f}",
        width=f"{step * 0.8:.1f}",
        pieces=pieces,
        counts=[counts.get(series, 0) for series, _ in SERIES],
        address=f"{sessions}?from={day.isoformat()}&to={day.isoformat()}",
    )


def shares(rows: Iterable[tuple[str, int, str]]) -> list[Share]:
    """Top list lines of (word, count, address), as long as their share of the first."""
    rows = list(rows)
    highest = max((count for _, count, _ in rows), default=0)
    return [Share(word, count, f"{100 * count / highest:.1f}", address) for word, count, address in rows]
