"""Tables as CSV files that say what they are, and that no spreadsheet runs.

A cell that begins with what a spreadsheet takes for a formula (OWASP, "CSV Injection": = + - @, tab, CR, LF, and the
full-width forms of the first four), be it behind spaces, gets an apostrophe before it. Cells are parted by commas, and
every text stands in quotes, quotes in it twice. But a spreadsheet whose locale parts cells by `;` doesn't heed quotes in
the middle of what it takes for a cell: a `;` or a line's end in a text begins a cell there. So a text gets an apostrophe
also behind each `;` or `,` that such a beginning follows, be it behind spaces or quotes; tabs and line ends are shown as
marks (`visible`), so that none is left. Other text stays as it is: `a;b` begins a cell at worst, but runs nothing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from django.http import HttpResponse

from ecsaudit.visible import visible

# Before what a spreadsheet would run: where a cell begins, and behind what may begin one.
RUNS = re.compile(r"""(\A(?=[\t\r\n])|\A(?=\s*[=+\-@＝＋－＠])|[;,\t\r\n](?=[\s"]*[=+\-@＝＋－＠]))""")
# All text in quotes, so that no separator, space or quote in it is taken for one of the file's.
QUOTING: Literal[2] = csv.QUOTE_NONNUMERIC
Cell = str | int
# Without it Excel takes UTF-8 for another encoding.
MARK = "\ufeff"


def harmless(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would run as a formula."""
    return RUNS.sub(r"\1'", text)


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
    writer = csv.writer(answer, quoting=QUOTING)
    writer.writerows([cell(word), cell(value)] for word, value in head)
    writer.writerow([])
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return answer
