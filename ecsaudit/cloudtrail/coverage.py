"""What of a period was read from CloudTrail, and what was not. Only `coverage` asks the database.

A period is [start, end). What CloudTrail may not have delivered yet, and what polling has not reached yet, is no gap: so
a period counts up to `tolerance()` before now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from ecsaudit.cloudtrail.models import Account, Query

# CloudTrail usually delivers within 5 minutes, seldom after 15.
DELIVERY = timedelta(minutes=15)
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Source:
    """One enabled account in one of its Regions, with what is covered of each event name. No Region: region is empty."""

    account: str
    region: str
    covered: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch [start, end) of a source in which events of this name were not read."""

    source: Source
    event_name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """A period with what was read of it. `end` is as far as something can have been read by now.

    `switched_off` are the accounts that are not read because somebody said so: no sources, and no gaps.
    """

    start: datetime
    end: datetime
    sources: tuple[Source, ...]
    switched_off: tuple[str, ...] = ()

    @property
    def is_void(self) -> bool:
        """Whether nothing at all can have been seen: no account is read, or the period has hardly begun."""
        return not self.sources or self.end <= self.start

    def gaps(self, event_names: Collection[str]) -> dict[str, tuple[Gap, ...]]:
        """The gaps by event name; a name that was read everywhere and all the time is left out."""
        found = {name: tuple(self.gaps_of(name)) for name in sorted(event_names)}
        return {name: gaps for name, gaps in found.items() if gaps}

    def gaps_of(self, event_name: str) -> Iterable[Gap]:
        if self.end <= self.start:
            return
        for source in self.sources:
            # What was never read is covered up to the start only.
            first, last = source.covered.get(event_name, (self.start, self.start))
            if first > self.start:
                yield Gap(source, event_name, self.start, min(first, self.end))
            if last < self.end and first < self.end:
                yield Gap(source, event_name, max(last, self.start), self.end)


def tolerance() -> timedelta:
    """How long before now a period is taken to end: one pause of polling and CloudTrail's usual delay."""
    return timedelta(seconds=settings.POLL_SECONDS) + DELIVERY


def coverage(start: datetime, end: datetime, now: datetime) -> Coverage:
    """What was read of [start, end) in every enabled account and Region. Two queries, however much was read."""
    covered: dict[tuple[int, str], dict[str, Span]] = {}
    rows = Query.objects.filter(feed__account__enabled=True, covered_from__isnull=False, covered_to__isnull=False)
    for pk, region, name, first, last in rows.values_list(
        "feed__account_id", "feed__region", "event_name", "covered_from", "covered_to"
    ):
        assert first is not None and last is not None
        covered.setdefault((pk, region), {})[name] = (first, last)
    sources: list[Source] = []
    switched_off: list[str] = []
    for account in Account.objects.all():
        if not account.enabled:
            switched_off.append(str(account))
            continue
        # An account without a Region is read nowhere, and that is a gap as well.
        regions = sorted({region for region in account.regions if isinstance(region, str) and region}) or [""]
        sources += [Source(str(account), region, covered.get((account.pk, region), {})) for region in regions]
    return Coverage(start, min(end, now - tolerance()), tuple(sources), tuple(switched_off))
