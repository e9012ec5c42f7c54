"""Keyset pages of lists that are sorted by (time, id), newest first: a page costs the same however deep it lies.

A token is the last row's place, `<microseconds since 1970>.<id>`; changing it only leads to another place.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

PAGE_SIZE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOKEN = re.compile(r"(-?\d{1,17})\.(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the list."""

    time: datetime
    pk: int

    @property
    def token(self) -> str:
        return f"{(self.time - EPOCH) // timedelta(microseconds=1)}.{self.pk}"


@dataclass(frozen=True, slots=True)
class Page:
    """The rows, newest first; tokens are empty where there is no such page."""

    rows: Sequence[dict[str, Any]]
    older: str
    newer: str


def place_of(token: str) -> Place | None:
    """The place that a token names; None when it is none."""
    found = TOKEN.fullmatch(token)
    if found is None:
        return None
    try:
        return Place(EPOCH + timedelta(microseconds=int(found[1])), int(found[2]))
    except OverflowError:
        return None


def page(queryset: QuerySet[Any, dict[str, Any]], time: str, *, after: Place | None, before: Place | None) -> Page:
    """One page of `values()` rows that hold `time` and "pk", older than `after` or newer than `before`."""
    if before is not None:
        rows = list(beyond(queryset, time, before, newer=True).order_by(time, "pk")[: PAGE_SIZE + 1])
        more = len(rows) > PAGE_SIZE
        rows = rows[:PAGE_SIZE][::-1]
        return Page(rows, older=token_of(rows, -1, time), newer=token_of(rows, 0, time) if more else "")
    chosen = queryset if after is None else beyond(queryset, time, after, newer=False)
    rows = list(chosen.order_by(f"-{time}", "-pk")[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return Page(
        rows, older=token_of(rows, -1, time) if more else "", newer=token_of(rows, 0, time) if after is not None else ""
    )


def beyond(queryset: QuerySet[Any, dict[str, Any]], time: str, place: Place, *, newer: bool) -> Any:
    """Rows on one side of a place. The plain bound on the time lets every database use the index."""
    bound, side = ("gte", "gt") if newer else ("lte", "lt")
    return queryset.filter(
        Q(**{f"{time}__{side}": place.time}) | Q(**{time: place.time, f"pk__{side}": place.pk}),
        **{f"{time}__{bound}": place.time},
    )


def token_of(rows: Sequence[dict[str, Any]], index: int, time: str) -> str:
    return Place(rows[index][time], rows[index]["pk"]).token if rows else ""
