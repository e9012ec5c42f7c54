"""Findings that exceptions archive, and what becomes of them: Hidden rows beside the findings' own state.

Everything here must run in a transaction that keeps ingest waiting, as findings.services.archive.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from django.utils import timezone

from ecsaudit.findings import services as findings
from ecsaudit.findings.models import Finding, RecordState
from ecsaudit.library.effective import Effective
from ecsaudit.library.exception_rows import count, named
from ecsaudit.library.models import RuleException
from ecsaudit.replay.models import Hidden


def archive(over: Mapping[int, Sequence[str]], *, by: Effective) -> int:
    """Archive findings (id → the names of the exceptions that hide it, if any do); returns how many were active."""
    exceptions = named(name for names in over.values() for name in names)
    hiding = {pk: known(names, exceptions) for pk, names in over.items()}
    because = {pk: "; ".join(map(hides, each)) or findings.NO_LONGER for pk, each in hiding.items()}
    # All at once: findings and groups are locked in one order, then the exceptions.
    archived = findings.archive(because=because, by=by, now=timezone.now())
    time_of = dict(Finding.objects.filter(pk__in=archived).values_list("pk", "event_time"))
    for exception in sorted(exceptions.values(), key=lambda each: each.pk):
        ids = [pk for pk in archived if exception in hiding[pk]]
        note(exception, ids)
        count(exception, [time_of[pk] for pk in ids], archived=len(ids))
    return len(archived)


def hides(exception: RuleException) -> str:
    return f"Exception {exception.pk} hides it: {exception.reason}"


def known(names: Iterable[str], exceptions: Mapping[str, RuleException]) -> tuple[RuleException, ...]:
    """Those of the exceptions that rows of ours stand for."""
    return tuple(exceptions[name] for name in names if name in exceptions)


def hand_over(over: Mapping[int, Sequence[str]]) -> None:
    """Note for archived findings which exceptions hide them now; those that none does stay archived for good."""
    exceptions = named(name for names in over.values() for name in names)
    Hidden.objects.filter(finding__in=over.keys()).delete()
    pairs = ((pk, exception) for pk, names in over.items() for exception in known(names, exceptions))
    Hidden.objects.bulk_create(Hidden(finding_id=pk, exception=exception) for pk, exception in pairs)


def hidden_among(finding_ids: Collection[int]) -> list[int]:
    """Those of these findings that an exception hides, or hid until now."""
    return list(Hidden.objects.filter(finding__in=finding_ids).values_list("finding", flat=True).distinct())


def archived_by(event_ids: Iterable[int]) -> set[tuple[int, str]]:
    """Of these events, each with the name of an exception that archived a finding of it."""
    found = Hidden.objects.filter(finding__event__in=list(event_ids)).select_related("finding", "exception")
    return {(each.finding.event_id, each.exception.name) for each in found if each.finding.event_id}


def bring_back(finding_ids: Collection[int], because: str) -> list[int]:
    back = findings.bring_back(finding_ids=finding_ids, because=because, now=timezone.now())
    Hidden.objects.filter(finding__in=finding_ids).delete()
    return back


def forget(event_ids: Iterable[int]) -> None:
    """Nothing hides the findings of these events that count again."""
    Hidden.objects.filter(finding__event__in=list(event_ids), finding__record_state=RecordState.ACTIVE).delete()


def findings_of(matches: Collection[tuple[int | None, str]]) -> list[str]:
    """Why each active finding of these (event id, rule) is closed; empty for one that isn't."""
    found = Finding.objects.active().filter(event__in={event for event, _ in matches})
    rows = found.values_list("event_id", "rule", "close_reason")
    return [reason for event, rule, reason in rows if (event, rule) in matches]


def note(exception: RuleException, finding_ids: Iterable[int]) -> None:
    rows = (Hidden(finding_id=pk, exception=exception) for pk in finding_ids)
    Hidden.objects.bulk_create(rows, ignore_conflicts=True)
