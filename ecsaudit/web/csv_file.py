"""Tables as CSV files that say what they are, and that no spreadsheet runs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

from ecsaudit.visible import visible

# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), the full-width forms included.
RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
Cell = str | int
# Without it Excel takes UTF-8 for another encoding.
MARK = "\ufeff"


def harmless(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(RUNS) else text


def cell(value: Cell) -> Cell:
    """A cell to be looked at: text is harmless, and what is invisible in it is marked; numbers stay numbers."""
    return harmless(visible(harmless(value))) if isinstance(value, str) else value


def response(
    name: str, head: Iterable[tuple[str, Cell]], columns: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> HttpResponse:
    """A file to download: what it is about, an empty line, the names of the columns, the rows.

    `name` without the ending, of letters, digits and hyphens.
    """
    answer = HttpResponse(MARK, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.writer(answer)
    writer.writerows([cell(word), cell(value)] for word, value in head)
    writer.writerow([])
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return answer
