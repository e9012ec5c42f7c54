"""The list of exceptions, and one of them in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ecsaudit.library.exception_texts import COMPARISONS, Term, terms_of
from ecsaudit.library.models import ExceptionState, Kind, RuleException
from ecsaudit.web.exports import Column, attribute
from ecsaudit.web.filters import Dimension, ListFilter, Spec
from ecsaudit.web.rule_list import item_address
from ecsaudit.web.times import span

SOON = timedelta(days=7)
EXPIRING = {"soon": "Within 7 days", "later": "Later", "never": "Never"}
SPEC = Spec(
    time="",
    dimensions=(
        Dimension("state", "", "State", dict(ExceptionState.choices), default=(ExceptionState.ACTIVE,)),
        Dimension("expires", "", "Expires", EXPIRING),
        Dimension("rule", "", "Rule"),
        Dimension("owner", "", "Owner"),
    ),
    exact=(),
    text=(),
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
        exception = self.exception
        if not exception.is_active:
            return ""
        if exception.expires_at is None:
            return "never"
        return "soon" if exception.expires_at <= self.now + SOON else "later"

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

    def values(self, dimension: str) -> Sequence[str]:
        if dimension == "expires":
            return [self.expires]
        return [str(getattr(self.exception, dimension))]

    def holds(self, text: str) -> bool:
        each = self.exception
        where = (each.rule, each.name, each.owner, each.reason, self.words)
        return any(text.casefold() in part.casefold() for part in where)


EXPORT = (
    attribute("id", "exception.pk"),
    *(attribute(name, f"exception.{name}") for name in ("rule", "name", "state", "owner", "reason", "terms")),
    *(attribute(name, f"exception.{name}") for name in ("created_at", "expires_at", "why_no_expiry", "ended_at")),
    Column("created_by", lambda row: row.exception.created_by and row.exception.created_by.username),
    Column("ended_by", lambda row: row.exception.ended_by and row.exception.ended_by.username),
    *(attribute(name, f"exception.{name}") for name in ("archived", "preview")),
    attribute("finding", "exception.made_from"),
)


def in_words(term: Term) -> str:
    """`ct.user is “ana”`."""
    values = ", ".join(f"“{value}”" for value in term.values)
    return f"{term.field} {COMPARISONS.get(term.comparison, term.comparison)} {values}"


def rows(now: datetime) -> list[ExceptionRow]:
    """Every exception, newest first. One query."""
    return [ExceptionRow(each, now) for each in RuleException.objects.for_list()]


def said(filter: ListFilter) -> ListFilter:
    """The filter with what is meant while it says nothing."""
    meant = tuple((dimension.name, value) for dimension in filter.silent() for value in dimension.default)
    return replace(filter, included=(*filter.included, *meant))
