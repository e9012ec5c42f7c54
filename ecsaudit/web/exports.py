"""A list as a file, exactly as it is filtered: CSV to look at, JSON lines to go on with.

The address is the list's own with `as=csv` or `as=jsonl`. Files are streamed by a keyset, so that no number of rows is too
large: newest first as the pages are, or, where the time that sorts a list changes, last made first (by id), so that a row
that moves while the file streams is neither lost nor there twice. CSV cells are harmless (see csv_file); JSON lines hold
the values as they are.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from ecsaudit.web.csv_file import MARK, QUOTING, Cell, cell
from ecsaudit.web.paging import Place, beyond

FORMS = {"csv": ("CSV", "text/csv; charset=utf-8"), "jsonl": ("JSON lines", "application/x-ndjson")}
# So many rows a query, and so many a piece of the answer.
CHUNK, PIECE = 1_000, 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file, and how a row tells its value: text, number, time, list or mapping, or None.

    `path` is where the database has it, for rows that are `values()`.
    """

    name: str
    value: Callable[[Any], object]
    path: str = ""


def column(name: str, path: str = "", words: Mapping[Any, str] | None = None) -> Column:
    """A column of rows that are `values()`: the database's at `path`, or at `name`; in `words`, where given."""
    read = itemgetter(path or name)
    return Column(name, read if words is None else lambda row: words.get(read(row)), path or name)


def attribute(name: str, path: str = "") -> Column:
    """A column of rows that are objects."""
    return Column(name, attrgetter(path or name))


def asked(request: HttpRequest) -> str:
    """The form of file that the address asks for; empty where a page is wanted."""
    form = request.GET.get("as", "")
    return form if form in FORMS else ""


def links(pairs: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """What the page offers, as (word, address). `pairs` are the list's own address, as ListFilter.pairs()."""
    return [(word, f"?{urlencode([*pairs, ('as', form)])}") for form, (word, _) in FORMS.items()]


def newest_first(rows: QuerySet[Any, dict[str, Any]], time: str) -> Iterator[dict[str, Any]]:
    """Every row of `values()` that hold `time`, which never changes, and "pk"; each chunk by a query of its own."""
    ordered, place = rows.order_by(f"-{time}", "-pk"), None
    while True:
        found = list((ordered if place is None else beyond(ordered, time, place, newer=False))[:CHUNK])
        yield from found
        if len(found) < CHUNK:
            return
        place = Place(found[-1][time], found[-1]["pk"])


def last_made_first(rows: QuerySet[Any, Any]) -> Iterator[Any]:
    """Every row, an object or `values()` that hold "pk", by its id: whatever else changes in it, it keeps its place."""
    ordered, last = rows.order_by("-pk"), None
    while True:
        found = list((ordered if last is None else ordered.filter(pk__lt=last))[:CHUNK])
        yield from found
        if len(found) < CHUNK:
            return
        last = found[-1]["pk"] if isinstance(found[-1], dict) else found[-1].pk


def answer(form: str, name: str, columns: Sequence[Column], rows: Iterable[Any]) -> StreamingHttpResponse:
    """The file. `name` without date and ending, of letters and hyphens."""
    lines = csv_lines(columns, rows) if form == "csv" else json_lines(columns, rows)
    answer = StreamingHttpResponse(lines, content_type=FORMS[form][1])
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}-{timezone.now():%Y-%m-%d}.{form}"'
    return answer


class Line:
    """What csv.writer writes to: hands each line back."""

    def write(self, text: str) -> str:
        return text


def csv_lines(columns: Sequence[Column], rows: Iterable[Any]) -> Iterator[str]:
    writer = csv.writer(Line(), quoting=QUOTING)
    yield MARK + str(writer.writerow([column.name for column in columns]))
    for piece in pieces(rows):
        yield "".join(str(writer.writerow([in_cell(column.value(row)) for column in columns])) for row in piece)


def json_lines(columns: Sequence[Column], rows: Iterable[Any]) -> Iterator[str]:
    for piece in pieces(rows):
        values = ({column.name: plain(column.value(row)) for column in columns} for row in piece)
        yield "".join(f"{json.dumps(value)}\n" for value in values)


def pieces(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while piece := list(islice(rows, PIECE)):
        yield piece


def plain(value: object) -> Any:
    """The value as JSON has it; times as ISO 8601 in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def in_cell(value: object) -> Cell:
    """The value as a cell of CSV; lists and mappings as JSON."""
    found = plain(value)
    if found is None:
        return ""
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, int):
        return found
    return cell(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))
