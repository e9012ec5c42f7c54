"""Events joined into exec sessions. Every function may run twice and sees events in any order."""

from collections.abc import Iterable, Sequence

from ecsaudit.cloudtrail.identity import is_ecs_itself
from ecsaudit.cloudtrail.models import Event
from ecsaudit.cloudtrail.record import Record, read
from ecsaudit.cloudtrail.services import NewEvent
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.facts import TERMINATE_SESSION, Facts, facts_of, is_direct_start, opens_session
from ecsaudit.execsessions.models import ExecSession, SessionEvent


def join(new_events: Sequence[NewEvent], tally: Tally) -> set[int]:
    """Bring the sessions up to date with events stored just now; returns the ids of all events whose session may have
    changed. Must run in the transaction that stored them.

    An SSM session's events (ECS's own StartSession, ResumeSession, TerminateSession) belong to the ExecuteCommand or
    StartSession with the same session id, whichever came first.
    """
    grouped: dict[tuple[int, str, str], list[NewEvent]] = {}
    touched: set[int] = set()
    for new in new_events:
        event = new.event
        if event.ssm_session_id:
            grouped.setdefault((event.account_id, event.region, event.ssm_session_id), []).append(new)
        elif opens_session(new.record):
            open_session(event, new.record, tally)
            touched.add(event.pk)
    for (account_id, region, ssm_session_id), members in grouped.items():
        touched |= regroup(account_id, region, ssm_session_id, members, tally)
    return touched


def regroup(account_id: int, region: str, ssm_session_id: str, new: Iterable[NewEvent], tally: Tally) -> set[int]:
    """Settle which sessions one SSM session's events make, from all of them that are stored."""
    at_hand = {each.event.pk: each.record for each in new}
    events = list(
        Event.objects.filter(account_id=account_id, region=region, ssm_session_id=ssm_session_id)
        .select_related("body")
        .order_by("event_time", "pk")
    )
    records = {event.pk: at_hand.get(event.pk) or read(event.raw_text, outer(event)) for event in events}
    openers = [event for event in events if opens_session(records[event.pk])]
    if not openers:
        # ECS's own StartSession without its ExecuteCommand: somebody is inside, even though we can't say who.
        openers = [event for event in events if is_lone_start(records[event.pk])][:1]
    if not openers:
        return set()
    close_strays(events, openers, tally)
    sessions = {event.pk: open_session(event, records[event.pk], tally) for event in openers}
    first = sessions[openers[0].pk]
    for event in events:
        if event.pk not in sessions:
            SessionEvent.objects.update_or_create(event=event, defaults={"session": first})
    note_end(first, [event for event in events if event.event_name == TERMINATE_SESSION])
    return {event.pk for event in events}


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


def close_strays(events: Sequence[Event], openers: Sequence[Event], tally: Tally) -> None:
    """Remove a session that ECS's own StartSession stood for until its ExecuteCommand came."""
    strays = ExecSession.objects.filter(event__in=events).exclude(event__in=openers)
    for session in strays:
        tally.session(session, -1)
        session.delete()


def open_session(event: Event, record: Record, tally: Tally) -> ExecSession:
    facts = facts_of(record)
    session, made = ExecSession.objects.get_or_create(
        event=event,
        defaults={"account_id": event.account_id, "region": event.region} | columns(facts),
    )
    if made:
        SessionEvent.objects.create(session=session, event=event)
        tally.session(session, 1)
    return session


def columns(facts: Facts) -> dict[str, object]:
    return {name: getattr(facts, name) for name in Facts.__slots__}


def note_end(session: ExecSession, terminations: Sequence[Event]) -> None:
    """CloudTrail tells of an end only when somebody terminated the session."""
    ended_at = min((event.event_time for event in terminations), default=None)
    if ended_at != session.ended_at:
        session.ended_at = ended_at
        session.save(update_fields=["ended_at"])
