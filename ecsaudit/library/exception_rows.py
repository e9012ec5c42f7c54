"""RuleException rows: made, adopted from a file, and the events that each kept from being found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest

from ecsaudit.library.exception_texts import found_in
from ecsaudit.library.models import ExceptionAction, ExceptionLine, HiddenEvent, RuleException
from ecsaudit.library.texts import items_of
from ecsaudit.people.models import User

UNKNOWN = "not said in the file"


def create(*, by: User | None, now: datetime, action: ExceptionAction, text: str, **columns: Any) -> RuleException:
    """The row and the first line of its history; the library must be locked, so that every later event is judged by it."""
    made = RuleException.objects.create(created_by=by, created_at=now, **columns)
    note(made, action, by, now, text)
    return made


def note(exception: RuleException, action: ExceptionAction, by: User | None, now: datetime, text: str) -> None:
    ExceptionLine.objects.create(exception=exception, at=now, by=by, action=action, text=text)


def adopt(rule: str, text: str, author: User, now: datetime) -> None:
    """Make rows of the exceptions in a rule's layer that there is none of yet."""
    found = [each for item in items_of(text) if (each := found_in(item)) is not None]
    known = set(RuleException.objects.filter(name__in=[each.name for each in found]).values_list("name", flat=True))
    for each in found:
        if each.name in known:
            continue
        never = "" if each.expires_at else each.why_no_expiry or UNKNOWN
        create(
            by=author, now=now, action=ExceptionAction.IMPORTED, text=each.reason, rule=rule, name=each.name,
            terms=[term.as_data() for term in each.terms], owner=each.owner or UNKNOWN, reason=each.reason or UNKNOWN,
            expires_at=each.expires_at, why_no_expiry=never,
        )  # fmt: skip


def named(names: Iterable[str]) -> dict[str, RuleException]:
    """The exceptions of these names; others are not ecsaudit's."""
    return {each.name: each for each in RuleException.objects.filter(name__in=set(names))}


def note_hidden(events: Mapping[int, Sequence[str]], times: Mapping[int, datetime]) -> None:
    """Note which exceptions kept events (id → names) from being found; those that were noted before are not again.

    `times` are those of the events. Must run in the transaction that judged them.
    """
    exceptions = named(name for names in events.values() for name in names)
    known = set(HiddenEvent.objects.filter(event__in=events).values_list("exception", "event")) if exceptions else ()
    missing = [
        (exceptions[name], event)
        for event, names in events.items()
        for name in names
        if name in exceptions and (exceptions[name].pk, event) not in known
    ]
    HiddenEvent.objects.bulk_create(HiddenEvent(exception=exception, event_id=event) for exception, event in missing)
    # In one order for everybody, so that two workers never wait in a ring.
    for exception in sorted({each for each, _ in missing}, key=lambda each: each.pk):
        matched = [times[event] for each, event in missing if each == exception]
        count(exception, matched, kept_out=len(matched))


def count(exception: RuleException, matched: Sequence[datetime], **steps: int) -> None:
    """Add to the numbers of an exception, and to when the newest event happened that it hid."""
    if not matched:
        return
    newest = Value(max(matched))
    columns = {name: F(name) + step for name, step in steps.items()}
    at = Greatest(Coalesce("last_matched_at", newest), newest)
    RuleException.objects.filter(pk=exception.pk).update(last_matched_at=at, **columns)
