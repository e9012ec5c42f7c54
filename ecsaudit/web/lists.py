"""What every list screen does: read the filter, fetch one page, count and facet within bounds."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from ecsaudit.visible import shortened
from ecsaudit.web import exports
from ecsaudit.web.filters import ANY, DAYS, LISTED, Dimension, ListFilter, Spec
from ecsaudit.web.paging import Place, page, place_of

# Counts and facets look at no more rows than this, so that they cost the same on any number of rows.
COUNTED = 1_000
FACET_VALUES = 8


@dataclass(frozen=True, slots=True)
class Listing:
    """One list screen. `name` is that of its addresses and its template; `shown` makes a row of `columns` text to look at.

    Where the rows are not those that are filtered, but groups of them, `fitting` finds them, `time` sorts them and `of` is
    the list of what is filtered; with `moves`, that time changes. `prepare` may put more to the rows of a page.
    """

    name: str
    spec: Spec
    facets: Sequence[str]
    columns: Sequence[str]
    shown: Callable[[dict[str, Any], str], dict[str, str]]
    model: type[Model]
    # ids of rows → counts by dimension, of those dimensions that no column holds
    counted: Callable[[ListFilter, Sequence[int]], Mapping[str, "Counter[str]"]]
    # what a file of the list holds, of `values()`
    export: Sequence[exports.Column]
    time: str = ""
    fitting: Callable[[ListFilter, datetime], QuerySet[Any, Any]] | None = None
    prepare: Callable[[Sequence[dict[str, Any]], ListFilter, datetime], None] | None = None
    of: "Listing | None" = None
    moves: bool = False

    def found(self, filter: ListFilter, now: datetime) -> QuerySet[Any, Any]:
        """The rows that the filter lets through."""
        return self.fitting(filter, now) if self.fitting else filter.apply(self.rows, now)

    @property
    def rows(self) -> QuerySet[Any, Any]:
        return self.model._default_manager.all()


@dataclass(frozen=True, slots=True)
class FacetValue:
    word: str
    count: int
    chosen: bool
    address: str
    address_without: str


@dataclass(frozen=True, slots=True)
class Facet:
    label: str
    name: str
    values: Sequence[FacetValue]
    more: int


@dataclass(frozen=True, slots=True)
class Facets:
    """`count` is that of the rows that are filtered, `groups` that of the groups that the list shows of them, if it does."""

    facets: Sequence[Facet]
    count: str
    groups: str = ""


def show(
    request: HttpRequest, listing: Listing, filter: ListFilter | None = None, more: Mapping[str, Any] | None = None
) -> HttpResponseBase:
    """The page of the list that the address asks for, or the whole list as a file; `more` is for the list's own template."""
    filter = filter or ListFilter.read(listing.spec, request.GET)
    if form := exports.asked(request):
        return exports.answer(form, listing.name, listing.export, exported(filter, listing))
    problems = list(filter.problems)
    after, before = (asked_place(request, name, problems) for name in ("after", "before"))
    now = timezone.now()
    rows, time = listing.found(filter, now).values(*listing.columns), listing.time or listing.spec.time
    found = page(rows, time, after=after, before=before)
    if not found.rows and (after or before):
        # What stood there fits no longer.
        found = page(rows, time, after=None, before=None)
    if listing.prepare:
        listing.prepare(found.rows, filter, now)
    base = reverse(listing.name)
    context = {
        "filter": filter,
        "chips": filter.chips(),
        "ranges": [(days, filter.with_days(days).address(), filter.days == days) for days in DAYS],
        "kept": [pair for pair in filter.pairs() if pair[0] != "q"],
        "rows": [listing.shown(row, base) for row in found.rows],
        "older": found.older and filter.address(after=found.older),
        "newer": found.newer and filter.address(before=found.newer),
        "problems": problems,
        "facets_address": f"{base}facets/{filter.address()}",
        "exports": exports.links(filter.pairs()),
        "views": [
            (word, filter.viewed(view).address(), filter.view == view) for view, word in filter.spec.views.items()
        ],
        **(more or {}),
    }
    if "facets" in request.GET:
        context["facets"] = read_facets(filter, listing)
    if not found.rows:
        context["is_empty_altogether"] = not listing.rows.exists()
    return render(request, f"{listing.name}/list.html", context)


def exported(filter: ListFilter, listing: Listing) -> Iterator[dict[str, Any]]:
    """Every row that the filter lets through, as a file has it."""
    time = listing.time or listing.spec.time
    paths = {"pk", time, *(column.path for column in listing.export)}
    rows = listing.found(filter, timezone.now()).values(*paths)
    return exports.last_made_first(rows) if listing.moves else exports.newest_first(rows, time)


def show_facets(request: HttpRequest, listing: Listing) -> HttpResponse:
    """The facets alone, which the page fetches after itself."""
    facets = read_facets(ListFilter.read(listing.spec, request.GET), listing)
    return render(request, "lists/_facets.html", {"facets": facets, "list_address": reverse(listing.name)})


def asked_place(request: HttpRequest, name: str, problems: list[str]) -> Place | None:
    token = request.GET.get(name, "")
    place = place_of(token) if token else None
    if token and place is None:
        problems.append(f"“{name}” is not a place in this list; the newest page is shown")
    return place


def read_facets(filter: ListFilter, listing: Listing) -> Facets:
    """The values of each dimension with their counts among the newest rows that the filter lets through.

    Of a list of groups these are the rows in them, and one query more counts the groups.
    """
    if listing.of is not None:
        shown = listing.found(filter, timezone.now()).order_by().values("pk")[: COUNTED + 1].count()
        return replace(read_facets(filter, listing.of), groups=count_word(shown))
    dimensions = [next(each for each in filter.spec.dimensions if each.name == name) for name in listing.facets]
    newest = filter.apply(listing.rows, timezone.now()).order_by(f"-{filter.spec.time}", "-pk")
    plain = [dimension for dimension in dimensions if dimension.condition is None]
    found = list(newest.values_list("pk", *(dimension.column for dimension in plain))[: COUNTED + 1])
    pks, *columns = list(zip(*found[:COUNTED], strict=True)) or [()] * (len(plain) + 1)
    counts: dict[str, Counter[Any]] = {
        dimension.name: Counter(column) for dimension, column in zip(plain, columns, strict=True)
    }
    counts |= listing.counted(filter, pks)
    return Facets(
        [facet(filter, dimension, counts[dimension.name]) for dimension in dimensions], count_word(len(found))
    )


def count_word(number: int) -> str:
    """A count that went no further than to COUNTED + 1."""
    return f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"


def facet(filter: ListFilter, dimension: Dimension, counts: "Counter[Any]") -> Facet:
    numbers = Counter({str(value): count for value, count in counts.items() if value not in (None, "")})
    chosen = [value for name, value in filter.included if name == dimension.name and value != ANY]
    # A few fixed values are shown all, so that each can be chosen.
    fixed = len(dimension.words or ())
    limit = max(FACET_VALUES, fixed) if fixed <= LISTED else FACET_VALUES
    values = [*chosen, *(value for value, _ in numbers.most_common() if value not in chosen)]
    return Facet(
        dimension.label,
        dimension.name,
        [
            FacetValue(
                shortened((dimension.short or dimension.word)(value), 40),
                numbers[value],
                value in chosen,
                filter.toggled(dimension.name, value).address(),
                filter.without(dimension.name, value).address(),
            )
            for value in values[:limit]
        ],
        max(len(values) - limit, 0),
    )
