"""Events joined into exec sessions. Every function may run twice and sees events in any order."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ecsaudit.cloudtrail.identity import is_ecs_itself
from ecsaudit.cloudtrail.models import Event
from ecsaudit.cloudtrail.record import Record, read
from ecsaudit.cloudtrail.services import NewEvent
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.facts import TERMINATE_SESSION, Facts, facts_of, is_direct_start, opens_session
from ecsaudit.execsessions.models import ExecSession, SessionEvent


@dataclass(frozen=True, slots=True)
class Group:
    """Events that belong together, oldest first, and those of them that each make a session; `events` join the first."""

    events: Sequence[Event]
    openers: Sequence[Event]


def join(new_events: Sequence[NewEvent], tally: Tally) -> dict[int, int]:
    """Bring the sessions up to date with events stored just now, in the transaction that stored them.

    Returns event id → session id of every event whose session may have changed. An SSM session's events (ECS's own
    StartSession, ResumeSession, TerminateSession) belong to the ExecuteCommand or StartSession with the same session id,
    whichever came first.
    """
    records = {new.event.pk: new.record for new in new_events}
    groups = [
        *(
            Group([new.event], [new.event])
            for new in new_events
            if not new.event.ssm_session_id and opens_session(new.record)
        ),
        *ssm_groups([new.event for new in new_events if new.event.ssm_session_id], records),
    ]
    sessions = open_sessions(groups, records, tally)
    session_of: dict[int, int] = {}
    for group in groups:
        first = sessions[group.openers[0].pk]
        session_of |= {event.pk: sessions.get(event.pk, first).pk for event in group.events}
        note_end(first, [event for event in group.events if event.event_name == TERMINATE_SESSION])
    assign(session_of)
    return session_of


def ssm_groups(new: Collection[Event], records: dict[int, Record]) -> Iterable[Group]:
    """The groups that these events are part of, with all of each that is stored; adds what it reads to `records`."""
    stored = Event.objects.filter(
        account__in={event.account_id for event in new}, ssm_session_id__in={event.ssm_session_id for event in new}
    )
    members: dict[tuple[int, str, str], list[Event]] = defaultdict(list)
    for event in stored.select_related("body").order_by("event_time", "pk"):
        members[event.account_id, event.region, event.ssm_session_id].append(event)
    touched = {(event.account_id, event.region, event.ssm_session_id) for event in new}
    for key in sorted(touched):
        for event in members[key]:
            if event.pk not in records:
                records[event.pk] = read(event.raw_text, outer(event))
        openers = openers_of(members[key], records)
        if openers:
            yield Group(members[key], openers)


def openers_of(events: Sequence[Event], records: dict[int, Record]) -> list[Event]:
    """Those of one SSM session's events that each make a session of their own."""
    openers = [event for event in events if opens_session(records[event.pk])]
    # ECS's own StartSession without its ExecuteCommand: somebody is inside, even though we can't say who.
    return openers or [event for event in events if is_lone_start(records[event.pk])][:1]


def is_lone_start(record: Record) -> bool:
    return is_direct_start(record) and is_ecs_itself(record)


def outer(event: Event) -> dict[str, object]:
    """What stood beside the record when it was stored, for records that lack it themselves."""
    return {
        "EventId": event.event_id,
        "EventName": event.event_name,
        "EventSource": event.event_source,
        "EventTime": event.event_time,
    }


def open_sessions(groups: Sequence[Group], records: dict[int, Record], tally: Tally) -> dict[int, ExecSession]:
    """The session of each opener, by the opener's id: those that exist, and new ones. Strays are removed.

    A stray is the session that ECS's own StartSession stood for until its ExecuteCommand came.
    """
    openers = {event.pk: event for group in groups for event in group.openers}
    existing = ExecSession.objects.filter(event__in=[event.pk for group in groups for event in group.events])
    sessions: dict[int, ExecSession] = {}
    for session in existing:
        if session.event_id in openers:
            sessions[session.event_id] = session
        else:
            tally.session(session, -1)
            session.delete()
    made = ExecSession.objects.bulk_create(
        ExecSession(
            event=event, account_id=event.account_id, region=event.region, **columns(facts_of(records[event.pk]))
        )
        for event in openers.values()
        if event.pk not in sessions
    )
    for session in made:
        tally.session(session, 1)
        sessions[session.event_id] = session
    return sessions


def columns(facts: Facts) -> dict[str, object]:
    return {name: getattr(facts, name) for name in Facts.__slots__}


def assign(session_of: dict[int, int]) -> None:
    """Write down which session each event belongs to."""
    present = {row.event_id: row for row in SessionEvent.objects.filter(event__in=session_of)}
    SessionEvent.objects.bulk_create(
        SessionEvent(event_id=event_id, session_id=session_id)
        for event_id, session_id in session_of.items()
        if event_id not in present
    )
    for event_id, row in present.items():
        if row.session_id != session_of[event_id]:
            row.session_id = session_of[event_id]
            row.save(update_fields=["session"])


def note_end(session: ExecSession, terminations: Sequence[Event]) -> None:
    """CloudTrail tells of an end only when somebody terminated the session."""
    ended_at = min((event.event_time for event in terminations), default=None)
    if ended_at != session.ended_at:
        session.ended_at = ended_at
        session.save(update_fields=["ended_at"])
