"""Findings that exceptions archive, and what becomes of them: Hidden rows beside the findings' own state.

Everything here must run in a transaction that keeps ingest waiting, as findings.services.archive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from django.db.models import F
from django.utils import timezone

from ecsaudit.findings import services as findings
from ecsaudit.findings.models import Finding, RecordState
from ecsaudit.library.effective import Effective
from ecsaudit.library.models import RuleException
from ecsaudit.replay.models import Hidden


def archive(over: Mapping[int, str], *, by: Effective) -> int:
    """Archive findings (id → the name of the exception that hides it, or empty); returns how many were active."""
    exceptions = named(over.values())
    # All at once: findings and groups are locked in one order.
    archived = findings.archive(
        because={pk: why(exceptions.get(name)) for pk, name in over.items()}, by=by, now=timezone.now()
    )
    for exception, ids in grouped({pk: over[pk] for pk in archived}, exceptions):
        if exception is not None:
            note(exception, ids)
            RuleException.objects.filter(pk=exception.pk).update(archived=F("archived") + len(ids))
    return len(archived)


def why(exception: RuleException | None) -> str:
    return f"Exception {exception.pk} hides it: {exception.reason}" if exception else findings.NO_LONGER


def hand_over(over: Mapping[int, str]) -> None:
    """Note for archived findings which exception hides them now; those that none does stay archived for good."""
    exceptions = named(over.values())
    for exception, ids in grouped(over, exceptions):
        if exception is None:
            Hidden.objects.filter(finding__in=ids).delete()
        else:
            note(exception, ids)


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


def named(names: Iterable[str]) -> dict[str, RuleException]:
    return {each.name: each for each in RuleException.objects.filter(name__in=set(names) - {""})}


def grouped(
    over: Mapping[int, str], exceptions: Mapping[str, RuleException]
) -> list[tuple[RuleException | None, list[int]]]:
    """The findings by the exception that hides them; None for those that no row of ours does."""
    groups: defaultdict[RuleException | None, list[int]] = defaultdict(list)
    for pk, name in over.items():
        groups[exceptions.get(name)].append(pk)
    return list(groups.items())


def note(exception: RuleException, finding_ids: Iterable[int]) -> None:
    Hidden.objects.bulk_create(
        (Hidden(finding_id=pk, exception=exception) for pk in finding_ids),
        update_conflicts=True,
        unique_fields=["finding"],
        update_fields=["exception"],
    )
