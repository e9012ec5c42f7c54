"""What a list shows, read from the address and written back to it: one parser and one serializer for every list.

days=7 | from=…&to=…          the time, in days of ecsaudit.days; 30 when nothing is said
cluster=a&cluster=b           one of these
-cluster=c                    not this
workflow_status=any           whatever it is, where some values are hidden as long as nothing is said
q=text                        search
view=flat                     another view of the same
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from ecsaudit import days
from ecsaudit.visible import shortened

DEFAULT_DAYS = 30
DAYS = (1, 7, 30, 90)
LONGEST_VALUE = 256
LONGEST_SEARCH = 500
# Of the values that a dimension can have, a message names this many.
LISTED = 12
ANY = "any"
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something to filter by: its name in the address, the column behind it, its label, and the words for its values.

    Where no column holds the values, `condition` says which rows have one of them. `short` are the words in a facet, where
    less is enough.
    `default` are the values that are meant as long as the address says nothing; the others of its words are hidden then.
    """

    name: str
    column: str
    label: str
    words: Mapping[str, str] | None = None
    condition: Callable[[Sequence[str]], Q] | None = None
    short: Callable[[str], str] | None = None
    default: Sequence[str] = ()

    def word(self, value: str) -> str:
        return (self.words or {}).get(value, value)

    def has(self, values: Sequence[str]) -> Q:
        """The rows with one of these values."""
        if self.condition is not None:
            return self.condition(values)
        return Q(**{f"{self.column}__in": values} if len(values) > 1 else {self.column: values[0]})


@dataclass(frozen=True, slots=True)
class Spec:
    """What one list can be filtered by. `exact` are (pattern, columns): a search that looks like an identifier.

    `by_default` are the rows that all defaults together let through, as an index holds them. `views` are the ways to look
    at the list, with their words; the first is meant when nothing is said.
    """

    time: str
    dimensions: Sequence[Dimension]
    exact: Sequence[tuple[re.Pattern[str], Sequence[str]]]
    text: Sequence[str]
    by_default: Q | None = None
    views: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in words, with the address of the list without it."""

    text: str
    without: str


@dataclass(frozen=True, slots=True)
class ListFilter:
    """A list's filter. `problems` says what in the address could not be used; the rest applies."""

    spec: Spec
    days: int | None = DEFAULT_DAYS
    start: str = ""
    end: str = ""
    included: tuple[tuple[str, str], ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    search: str = ""
    problems: tuple[str, ...] = ()
    view: str = ""

    @classmethod
    def read(cls, spec: Spec, address: QueryDict) -> "ListFilter":
        problems: list[str] = []
        start, end = (checked_moment(address.get(name, ""), name, problems) for name in ("from", "to"))
        days = None if start or end else checked_days(address.get("days", ""), problems)
        chosen: dict[str, list[tuple[str, str]]] = {"": [], "-": []}
        for dimension in spec.dimensions:
            for sign, found in chosen.items():
                values = dict.fromkeys(address.getlist(sign + dimension.name))
                found += [(dimension.name, value) for value in values if usable(dimension, value, problems)]
        search = address.get("q", "").strip().replace("\x00", "")[:LONGEST_SEARCH]
        view = checked_view(spec, address.get("view", ""), problems)
        return cls(spec, days, start, end, tuple(chosen[""]), tuple(chosen["-"]), search, tuple(problems), view)

    def pairs(self) -> list[tuple[str, str]]:
        """The filter as it stands in the address."""
        time = [(name, value) for name, value in (("from", self.start), ("to", self.end)) if value]
        if self.days is not None and self.days != DEFAULT_DAYS:
            time.append(("days", str(self.days)))
        search = [("q", self.search)] if self.search else []
        view = [("view", self.view)] if self.view and self.view != next(iter(self.spec.views)) else []
        return [*time, *self.included, *((f"-{name}", value) for name, value in self.excluded), *search, *view]

    def address(self, **more: str) -> str:
        """`?…` for a link; `more` are parameters beside the filter, such as a page."""
        pairs = [*self.pairs(), *((name, value) for name, value in more.items() if value)]
        return f"?{urlencode(pairs)}" if pairs else "?"

    @property
    def query(self) -> str:
        """The filter as a form carries it."""
        return self.address().removeprefix("?")

    def viewed(self, view: str) -> "ListFilter":
        return replace(self, view=view)

    @property
    def clear(self) -> "ListFilter":
        """Everything of this view, what is hidden by default as well."""
        every = tuple((dimension.name, ANY) for dimension in self.spec.dimensions if dimension.default)
        return ListFilter(self.spec, included=every, view=self.view)

    @property
    def is_narrowed(self) -> bool:
        """Whether something is filtered by, be it by default."""
        return self.pairs() != self.clear.pairs()

    def with_days(self, days: int) -> "ListFilter":
        return replace(self, days=days, start="", end="")

    def toggled(self, name: str, value: str) -> "ListFilter":
        """With this value chosen, or no longer."""
        pair = (name, value)
        kept = tuple(each for each in self.included if each not in (pair, (name, ANY)))
        return replace(self, included=kept if pair in self.included else (*kept, pair))

    def without(self, name: str, value: str) -> "ListFilter":
        """With this value left out."""
        pair = (name, value)
        kept = tuple(each for each in self.included if each != pair)
        return replace(self, included=kept, excluded=tuple(dict.fromkeys([*self.excluded, pair])))

    def chips(self) -> list[Chip]:
        dimensions = {dimension.name: dimension for dimension in self.spec.dimensions}
        chips: list[Chip] = []
        for dimension in self.silent():
            hidden = " and ".join(
                word for value, word in (dimension.words or {}).items() if value not in dimension.default
            )
            every = (*self.included, (dimension.name, ANY))
            chips.append(Chip(f"{hidden} hidden", replace(self, included=every).address()))
        for pair in self.included:
            without = replace(self, included=tuple(each for each in self.included if each != pair))
            chips.append(Chip(f"{dimensions[pair[0]].label}: {shown(dimensions[pair[0]], pair[1])}", without.address()))
        for pair in self.excluded:
            without = replace(self, excluded=tuple(each for each in self.excluded if each != pair))
            chips.append(
                Chip(f"{dimensions[pair[0]].label}: not {shown(dimensions[pair[0]], pair[1])}", without.address())
            )
        if self.search:
            chips.append(Chip(f"Search: {shortened(self.search, 60)}", replace(self, search="").address()))
        if self.start or self.end:
            span = (
                f"from {self.start}"
                if not self.end
                else f"until {self.end}"
                if not self.start
                else f"{self.start} to {self.end}"
            )
            chips.append(Chip(f"Time: {span}", replace(self, start="", end="", days=DEFAULT_DAYS).address()))
        return chips

    def silent(self) -> list[Dimension]:
        """The dimensions whose default is in force. An identifier is looked for among all."""
        said = {name for name, _ in (*self.included, *self.excluded)}
        found = [dimension for dimension in self.spec.dimensions if dimension.default and dimension.name not in said]
        return [] if self.search and self.exact_columns else found

    @property
    def exact_columns(self) -> Sequence[str]:
        """The columns that an identifier in the search box is looked up in; empty for a search of text."""
        return next((columns for pattern, columns in self.spec.exact if pattern.fullmatch(self.search)), ())

    def apply(self, rows: QuerySet[Any, Any], now: datetime) -> QuerySet[Any, Any]:
        """The rows that the filter lets through. An identifier is looked for in all of time."""
        return rows.filter(self.condition(now))

    def condition(self, now: datetime) -> Q:
        """What the filter lets through, of the list's own rows."""
        condition = Q()
        for said in self.conditions(self.included):
            condition &= said
        for said in self.conditions(self.excluded):
            condition &= ~said
        condition &= self.defaults()
        if self.search and self.exact_columns:
            return condition & any_of(self.exact_columns, "", self.search)
        if self.search:
            condition &= any_of(self.spec.text, "__icontains", self.search)
        return condition & Q(**self.bounds(now))

    def defaults(self) -> Q:
        """What is meant although the address doesn't say it."""
        silent = self.silent()
        if silent and self.spec.by_default is not None and len(silent) == sum(map(has_default, self.spec.dimensions)):
            return self.spec.by_default
        condition = Q()
        for dimension in silent:
            condition &= dimension.has(dimension.default)
        return condition

    def conditions(self, pairs: Sequence[tuple[str, str]]) -> Iterator[Q]:
        """One for each dimension that is filtered."""
        for dimension in self.spec.dimensions:
            values = [value for name, value in pairs if name == dimension.name]
            if values and not (dimension.default and ANY in values):
                yield dimension.has(values)

    def bounds(self, now: datetime) -> dict[str, datetime]:
        time = self.spec.time
        if self.days is not None:
            # What claims to come from the future is new as well.
            return {f"{time}__gte": days.start_of(self.days, now)}
        bounds = {}
        if self.start:
            bounds[f"{time}__gte"] = moment_of(self.start)
        if self.end:
            last = moment_of(self.end)
            bounds[f"{time}__lt"] = last + (timedelta(days=1) if DATE.fullmatch(self.end) else timedelta(seconds=1))
        return bounds


def has_default(dimension: Dimension) -> bool:
    return bool(dimension.default)


def shown(dimension: Dimension, value: str) -> str:
    if dimension.default and value == ANY:
        return "any"
    return shortened(dimension.word(value), 60) or "(none)"


def any_of(columns: Sequence[str], lookup: str, value: str) -> Q:
    condition = Q()
    for column in columns:
        condition |= Q(**{column + lookup: value})
    return condition


def moment_of(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def checked_moment(text: str, name: str, problems: list[str]) -> str:
    if not text:
        return ""
    try:
        moment = moment_of(text)
    except (ValueError, OverflowError):
        moment = None
    # A day must still be added to it.
    if moment is None or moment.year >= 9999:
        problems.append(f"“{name}” is not a date; write it like 2026-11-02 or 2026-11-02T09:30:00")
        return ""
    return text


def checked_days(text: str, problems: list[str]) -> int:
    if not text:
        return DEFAULT_DAYS
    if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 3_650:
        return int(text[:6])
    problems.append("“days” must be a number from 1 to 3650, such as 7, 30 or 90")
    return DEFAULT_DAYS


def checked_view(spec: Spec, text: str, problems: list[str]) -> str:
    if not spec.views or text in spec.views:
        return text if spec.views else ""
    if text:
        problems.append(f"“view” must be one of {', '.join(spec.views)}")
    return next(iter(spec.views))


def usable(dimension: Dimension, value: str, problems: list[str]) -> bool:
    if "\x00" in value or len(value) > LONGEST_VALUE:
        problems.append(f"“{dimension.name}” is too long or holds a NUL character")
        return False
    if dimension.default and value == ANY:
        return True
    if dimension.words is not None and value not in dimension.words:
        known = ", ".join(islice(dimension.words, LISTED)) + (" …" if len(dimension.words) > LISTED else "")
        problems.append(f"“{dimension.name}” must be one of {known}")
        return False
    return True
