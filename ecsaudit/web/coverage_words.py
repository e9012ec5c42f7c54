"""What was read and what was not, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ecsaudit.cloudtrail.coverage import Coverage, Gap
from ecsaudit.visible import shortened
from ecsaudit.web.summary import counted
from ecsaudit.web.times import minute

# A line names so many event names or accounts; of more it gives the number.
NAMED = 3
# Of so many accounts × Regions each gap is told.
FEW = 2


def sentence(coverage: Coverage, gaps: Iterable[Gap], names: Collection[str]) -> str:
    """How much of the period was read for the event names that rules can match."""
    if not coverage.sources:
        return f"No account is read, so no rule could see anything.{switched_off(coverage)}"
    if coverage.is_void:
        return "Nothing of this period can have been read yet, so no rule could see anything."
    if not names:
        return "No rule that judges names an event, so nothing need be read."
    return (
        f"{in_full(coverage, gaps)} for the {counted(len(names), 'event name')} that rules can match, from "
        f"{minute(coverage.start)} to {minute(coverage.end)} UTC.{switched_off(coverage)}"
    )


def in_full(coverage: Coverage, gaps: Iterable[Gap]) -> str:
    """`11 of 12 account × Region pairs read in full`; where nothing could be seen, that."""
    if coverage.is_void:
        return "nothing read"
    total = len(coverage.sources)
    full = total - len({(gap.source.account, gap.source.region) for gap in gaps})
    return f"{full:,} of {counted(total, 'account × Region pair')} read in full"


def switched_off(coverage: Coverage) -> str:
    """An account that nobody wants read is no gap, but whoever reads a report must know of it."""
    if not coverage.switched_off:
        return ""
    return f" Not read, because switched off: {some(coverage.switched_off)}."


def lines(gaps: Iterable[Gap], *, in_full: bool = False) -> list[str]:
    """One line for each source and stretch of time, with the event names that were not read in it: some, or all."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for gap in gaps:
        key = (gap.source.account, gap.source.region, minute(gap.start), minute(gap.end))
        found.setdefault(key, []).append(gap.event_name)
    return [
        f"{shortened(account, 60)} {shortened(region, 32) or '(no Region)'}, {start} to {end} UTC: "
        + some(names, len(names) if in_full else NAMED)
        for (account, region, start, end), names in sorted(found.items())
    ]


def shortly(gaps: Collection[Gap]) -> list[str]:
    """The lines, if they are of few sources; else which sources and which names, in one."""
    places = {f"{gap.source.account} {gap.source.region}" for gap in gaps}
    if len(places) <= FEW:
        return lines(gaps)
    return [f"{some(places)}: {some(gap.event_name for gap in gaps)}"]


def some(names: Iterable[str], most: int = NAMED) -> str:
    """`ExecuteCommand, RunTask, StartSession and 4 more`."""
    each = sorted(set(names))
    more = f" and {len(each) - most:,} more" if len(each) > most else ""
    return ", ".join(shortened(name, 60) for name in each[:most]) + more
