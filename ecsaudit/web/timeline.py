"""A session's events in the order of time, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from ecsaudit.cloudtrail.models import Event
from ecsaudit.execsessions.facts import EXECUTE_COMMAND, RESUME_SESSION, START_SESSION, TERMINATE_SESSION
from ecsaudit.execsessions.models import ExecSession, Outcome
from ecsaudit.web.times import moment, span

WORDS = {
    START_SESSION: "ECS started the SSM session behind it",
    RESUME_SESSION: "The client connected again",
    TERMINATE_SESSION: "The session was terminated",
}


@dataclass(frozen=True, slots=True)
class Step:
    time: str
    offset: str
    words: str
    event_name: str
    anchor: str


def timeline(session: ExecSession, events: Sequence[Event]) -> list[Step]:
    return [
        Step(
            time=moment(event.event_time),
            offset=offset(session, event),
            words=opening(session) if event.pk == session.event_id else WORDS.get(event.event_name, event.event_name),
            event_name=event.event_name,
            anchor=f"event-{event.pk}",
        )
        for event in events
    ]


def offset(session: ExecSession, event: Event) -> str:
    later = event.event_time - session.started_at
    return f"+{span(later)}" if later.total_seconds() > 0 else ""


def opening(session: ExecSession) -> str:
    asked = "ECS Exec was called" if session.event.event_name == EXECUTE_COMMAND else "An SSM session was started"
    return {
        Outcome.OPENED: f"{asked} and opened the session",
        Outcome.DENIED: f"{asked} and denied",
        Outcome.FAILED: f"{asked} and failed",
    }[Outcome(session.outcome)]
