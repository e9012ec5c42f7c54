"""What a replay reads, a batch at a time, each going on where the one before ended."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from ecsaudit.cloudtrail.models import Event
from ecsaudit.findings.models import Finding, RecordState
from ecsaudit.library.models import HiddenEvent
from ecsaudit.replay.models import Purpose, Replay, Scope, Stage

# So many a transaction; fewer where each may make a finding, because ingest waits meanwhile.
BATCH = {Purpose.TRY: 2_000, Purpose.COUNT: 2_000, Purpose.APPLY: 500}
# The first byte of a lone surrogate in the bytes that EventBody keeps; of little else.
_SURROGATE = b"\xed"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a replay came: `name` is the position in its list of event names or rules."""

    name: int
    time: datetime | None = None
    pk: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows begin with (id, compressed body); `place` is where the next batch begins, if there is one.

    Times are not among them: making one of each row costs as much as judging it, and few rows match.
    """

    rows: Sequence[tuple[Any, ...]]
    place: Place
    is_last: bool


def read(replay: Replay) -> Batch:
    """The next batch of events, or of findings with their events' bodies."""
    if is_of_hidden(replay):
        return read_hidden(replay)
    names = replay.event_names if replay.stage == Stage.EVENTS else replay.rules
    place = Place(replay.at_name, replay.at_time, replay.at_id)
    size = BATCH[Purpose(replay.purpose)]
    rows: list[tuple[Any, ...]] = []
    while place.name < len(names):
        found = rows_of(replay, names[place.name])
        rows += beyond(found, place)[: size - len(rows)]
        if len(rows) == size:
            last = rows[-1][0]
            return Batch(
                rows, Place(place.name, found.values_list("event_time", flat=True).get(pk=last), last), is_last=False
            )
        place = Place(place.name + 1)
    return Batch(rows, place, is_last=True)


def is_of_hidden(replay: Replay) -> bool:
    """Whether it is at the events that its exception hid."""
    return replay.scope == Scope.BACK and replay.stage == Stage.EVENTS


def read_hidden(replay: Replay) -> Batch:
    """The next batch of the events that its exception hid, the last that was stored first."""
    hidden, size = hidden_of(replay), BATCH[Purpose(replay.purpose)]
    if replay.at_id is not None:
        hidden = hidden.filter(event__lt=replay.at_id)
    rows = list(hidden.order_by("-event").values_list("event_id", "event__body__compressed")[:size])
    return Batch(rows, Place(0, None, rows[-1][0] if rows else None), is_last=len(rows) < size)


def hidden_of(replay: Replay) -> QuerySet[HiddenEvent]:
    return HiddenEvent.objects.filter(exception=replay.exception_id)


def rows_of(replay: Replay, name: str) -> QuerySet[Any, tuple[Any, ...]]:
    """The events of a name, or the findings of a rule."""
    if replay.stage != Stage.EVENTS:
        return findings_of(replay).filter(rule=name).values_list("pk", "event__body__compressed", "rule")
    return events_of(replay).filter(event_name=name).values_list("pk", "body__compressed")


def findings_of(replay: Replay) -> QuerySet[Finding]:
    """Those that may be archived, or brought back; an exception leaves finished work alone."""
    if replay.stage == Stage.ARCHIVED:
        return Finding.objects.filter(record_state=RecordState.ARCHIVED, hidden__exception=replay.exception_id)
    found = Finding.objects.active() if replay.exception_id is None else Finding.objects.open()
    return found.filter(event_id__lte=replay.newest_event)


def events_of(replay: Replay) -> QuerySet[Event]:
    events = Event.objects.filter(pk__lte=replay.newest_event)
    return events if replay.since is None else events.filter(event_time__gte=replay.since)


def total(replay: Replay) -> int:
    """How much there is to read in all stages, counted within the indexes."""
    if replay.scope == Scope.BACK:
        return findings_of(replay).filter(rule__in=replay.rules).count() + hidden_of(replay).count()
    count = events_of(replay).filter(event_name__in=replay.event_names).count() if replay.event_names else 0
    if replay.stage != Stage.EVENTS:
        count += findings_of(replay).filter(rule__in=replay.rules).count()
    return count


def beyond(rows: QuerySet[Any, tuple[Any, ...]], place: Place) -> QuerySet[Any, tuple[Any, ...]]:
    rows = rows.order_by("-event_time", "-pk")
    if place.time is None:
        return rows
    # The plain bound on the time lets every database use the index.
    later = Q(event_time__lt=place.time) | Q(event_time=place.time, pk__lt=place.pk)
    return rows.filter(later, event_time__lte=place.time)


def times_of(event_ids: Iterable[int]) -> dict[int, datetime]:
    """The time of each of these events that is still stored; they stay until the transaction ends."""
    events = Event.objects.select_for_update().filter(pk__in=event_ids)
    return dict(events.values_list("pk", "event_time"))


def stored_names() -> list[str]:
    """Every event name that is stored, found by jumping from one to the next through the index."""
    names: list[str] = []
    last = Event.objects.order_by("event_name").values_list("event_name", flat=True)
    name = last.first()
    while name is not None:
        names.append(name)
        name = last.filter(event_name__gt=name).first()
    return names


def record_of(compressed: bytes) -> bytes | str:
    """A body as ingest judged it; text only where bytes can't say the same."""
    raw = zlib.decompress(compressed)
    return raw.decode("utf-8", "surrogatepass") if _SURROGATE in raw else raw
