"""Two texts side by side, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

# Unchanged lines that are kept around a change.
CONTEXT = 3
# Beyond so many lines, those that recur all the time are no longer matched, which would take quadratic time.
LONG = 2_000
MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Row:
    """A line of each side, or None where one side has none. `change` is same, changed, added, removed or skipped."""

    change: str
    left_number: int | None = None
    left: str | None = None
    right_number: int | None = None
    right: str | None = None


def side_by_side(left: str, right: str) -> list[Row]:
    """All changed lines of the first 20,000, with a few unchanged ones around them; nothing where there is no change."""
    before, after = left.splitlines()[:MOST_LINES], right.splitlines()[:MOST_LINES]
    rows: list[Row] = []
    reached = 0
    for group in SequenceMatcher(None, before, after, autojunk=max(len(before), len(after)) > LONG).get_grouped_opcodes(
        CONTEXT
    ):
        if group[0][1] > reached:
            rows.append(Row("skipped"))
        for tag, start, end, new_start, new_end in group:
            rows += lines(tag, before, after, range(start, end), range(new_start, new_end))
        reached = group[-1][2]
    return rows + ([Row("skipped")] if rows and reached < len(before) else [])


def lines(tag: str, before: list[str], after: list[str], left: range, right: range) -> Iterator[Row]:
    for old, new in zip_longest(left, right):
        change = "same" if tag == "equal" else "added" if old is None else "removed" if new is None else "changed"
        yield Row(
            change,
            None if old is None else old + 1,
            None if old is None else before[old],
            None if new is None else new + 1,
            None if new is None else after[new],
        )
