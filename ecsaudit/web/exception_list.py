"""The list of exceptions, and one of them in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from ecsaudit.library.exception_texts import COMPARISONS, Term, terms_of
from ecsaudit.library.models import ExceptionState, Kind, RuleException
from ecsaudit.web import exports
from ecsaudit.web.exports import Column, attribute
from ecsaudit.web.filters import ANY, Dimension, ListFilter, Spec
from ecsaudit.web.lists import COUNTED, Facets, facet
from ecsaudit.web.rule_list import item_address
from ecsaudit.web.times import span

SOON = timedelta(days=7)
EXPIRING = {"soon": "Within 7 days", "later": "Later", "never": "Never"}
ENDED = (ExceptionState.EXPIRED.value, ExceptionState.WITHDRAWN.value)
STANDINGS = {"In force": (), "Ended": ENDED, "All": (ANY,)}
TIME = "created_at"


def expiring(values: Sequence[str]) -> Q:
    """Exceptions in force that expire so."""
    soon = timezone.now() + SOON
    which = {
        "soon": Q(expires_at__lte=soon),
        "later": Q(expires_at__gt=soon),
        "never": Q(expires_at__isnull=True),
    }
    condition = Q()
    for value in values:
        condition |= which[value]
    return condition & Q(state=ExceptionState.ACTIVE)


SPEC = Spec(
    time=TIME,
    dimensions=(
        Dimension("state", "state", "State", dict(ExceptionState.choices), default=(ExceptionState.ACTIVE,)),
        Dimension("expires", "", "Expires", EXPIRING, condition=expiring),
        Dimension("rule", "rule", "Rule"),
        Dimension("owner", "owner", "Owner"),
    ),
    exact=(),
    text=("rule", "name", "owner", "reason", "terms"),
)


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """An exception as the list and the rule's page show it, at the moment `now`."""

    exception: RuleException
    now: datetime

    @property
    def terms(self) -> Sequence[Term]:
        return terms_of(self.exception)

    @property
    def words(self) -> str:
        return " and ".join(in_words(term) for term in self.terms)

    @property
    def expires(self) -> str:
        """One of EXPIRING; empty for one that ended."""
        return expires(self.exception.state, self.exception.expires_at, self.now)

    @property
    def expires_soon(self) -> bool:
        return self.expires == "soon"

    @property
    def left(self) -> str:
        """How long it stays, such as `3 d`."""
        assert self.exception.expires_at is not None
        return span(self.exception.expires_at - self.now)

    @property
    def rule_address(self) -> str:
        return item_address(Kind.RULE, self.exception.rule)


def expires(state: str, expires_at: datetime | None, now: datetime) -> str:
    if state != ExceptionState.ACTIVE:
        return ""
    if expires_at is None:
        return "never"
    return "soon" if expires_at <= now + SOON else "later"


EXPORT = (
    attribute("id", "exception.pk"),
    *(attribute(name, f"exception.{name}") for name in ("rule", "name", "state", "owner", "reason", "terms")),
    *(attribute(name, f"exception.{name}") for name in ("created_at", "expires_at", "why_no_expiry", "ended_at")),
    Column("created_by", lambda row: row.exception.created_by and row.exception.created_by.username),
    Column("ended_by", lambda row: row.exception.ended_by and row.exception.ended_by.username),
    *(attribute(name, f"exception.{name}") for name in ("archived", "kept_out", "last_matched_at", "preview")),
    attribute("finding", "exception.made_from"),
)


def in_words(term: Term) -> str:
    """`ct.user is “ana”`."""
    values = ", ".join(f"“{value}”" for value in term.values)
    return f"{term.field} {COMPARISONS.get(term.comparison, term.comparison)} {values}"


def read(address: QueryDict) -> ListFilter:
    """The filter; what is in force is shown however old it is, unless the address names a time."""
    filter = ListFilter.read(SPEC, address)
    return replace(filter, days=None)


def standings(filter: ListFilter) -> list[tuple[str, str, bool]]:
    """The ways to look at the list by state: word, address, and whether it is this one."""
    others = tuple(each for each in filter.included if each[0] != "state")
    excluded = tuple(each for each in filter.excluded if each[0] != "state")
    found = []
    for word, states in STANDINGS.items():
        way = replace(filter, included=(*(("state", each) for each in states), *others), excluded=excluded)
        found.append((word, way.address(), sorted(way.pairs()) == sorted(filter.pairs())))
    return found


def rows(found: Sequence[Mapping[str, Any]], now: datetime) -> list[ExceptionRow]:
    """The exceptions of these `values()` rows, in their order. One query."""
    every = RuleException.objects.for_list().in_bulk([row["pk"] for row in found])
    return [ExceptionRow(every[row["pk"]], now) for row in found if row["pk"] in every]


def exported(filter: ListFilter, now: datetime) -> Iterator[ExceptionRow]:
    """Every exception that the filter lets through, newest first."""
    ids = exports.newest_first(filter.apply(RuleException.objects.all(), now).values("pk", TIME), TIME)
    for piece in exports.pieces(ids):
        yield from rows(piece, now)


def facets(filter: ListFilter, now: datetime) -> Facets:
    """The values of each dimension with their counts among the newest exceptions that the filter lets through."""
    newest = filter.apply(RuleException.objects.all(), now).order_by(f"-{TIME}", "-pk")
    found = list(newest.values_list("state", "expires_at", "rule", "owner")[: COUNTED + 1])
    counts: dict[str, Counter[Any]] = {dimension.name: Counter() for dimension in SPEC.dimensions}
    for state, expires_at, rule, owner in found[:COUNTED]:
        counts["state"][state] += 1
        counts["expires"][expires(state, expires_at, now)] += 1
        counts["rule"][rule] += 1
        counts["owner"][owner] += 1
    count = f"{COUNTED:,}+" if len(found) > COUNTED else f"{len(found):,}"
    return Facets([facet(filter, each, counts[each.name]) for each in SPEC.dimensions], count)


def ending_soon(now: datetime) -> int:
    return RuleException.objects.due(now + SOON).count()
