"""What every list screen does: read the filter, fetch one page, count and facet within bounds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ecsaudit.web.filters import DAYS, Dimension, ListFilter, Spec
from ecsaudit.web.paging import Page, Place, page, place_of
from ecsaudit.web.visible import shortened

# Counts and facets look at no more rows than this, so that they cost the same on any number of rows.
COUNTED = 1_000
FACET_VALUES = 8


@dataclass(frozen=True, slots=True)
class FacetValue:
    word: str
    count: int
    chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class Facet:
    label: str
    name: str
    values: Sequence[FacetValue]
    more: int


@dataclass(frozen=True, slots=True)
class Facets:
    facets: Sequence[Facet]
    count: str


def read_page(request: HttpRequest, filter: ListFilter, rows: QuerySet[Any, dict[str, Any]]) -> tuple[Page, list[str]]:
    """The page that the address asks for, and what was wrong with the address."""
    problems = list(filter.problems)
    after, before = (asked_place(request, name, problems) for name in ("after", "before"))
    return page(filter.apply(rows, timezone.now()), filter.spec.time, after=after, before=before), problems


def asked_place(request: HttpRequest, name: str, problems: list[str]) -> Place | None:
    token = request.GET.get(name, "")
    place = place_of(token) if token else None
    if token and place is None:
        problems.append(f"“{name}” is not a place in this list; the newest page is shown")
    return place


def read_facets(filter: ListFilter, names: Sequence[str], rows: QuerySet[Any, Any]) -> Facets:
    """The values of each dimension with their counts among the newest rows that the filter lets through."""
    dimensions = [next(each for each in filter.spec.dimensions if each.name == name) for name in names]
    newest = filter.apply(rows, timezone.now()).order_by(f"-{filter.spec.time}", "-pk")
    found = list(newest.values_list(*(dimension.column for dimension in dimensions))[: COUNTED + 1])
    count = f"{COUNTED:,}+" if len(found) > COUNTED else f"{len(found):,}"
    columns = list(zip(*found[:COUNTED], strict=True)) or [()] * len(dimensions)
    return Facets(
        [facet(filter, dimension, Counter(column)) for dimension, column in zip(dimensions, columns, strict=True)],
        count,
    )


def facet(filter: ListFilter, dimension: Dimension, counts: "Counter[Any]") -> Facet:
    numbers = Counter({str(value): count for value, count in counts.items() if value not in (None, "")})
    chosen = [value for name, value in filter.included if name == dimension.name]
    values = [*chosen, *(value for value, _ in numbers.most_common() if value not in chosen)]
    return Facet(
        dimension.label,
        dimension.name,
        [
            FacetValue(
                shortened(dimension.word(value), 40),
                numbers[value],
                value in chosen,
                filter.toggled(dimension.name, value).address(),
            )
            for value in values[:FACET_VALUES]
        ],
        max(len(values) - FACET_VALUES, 0),
    )


def context(request: HttpRequest, spec: Spec) -> dict[str, Any]:
    """The filter and what the template shows around a list."""
    filter = ListFilter.read(spec, request.GET)
    return {
        "filter": filter,
        "chips": filter.chips(),
        "ranges": [(days, filter.with_days(days).address(), filter.days == days) for days in DAYS],
        "kept": [pair for pair in filter.pairs() if pair[0] != "q"],
        "here": filter.address(),
    }
