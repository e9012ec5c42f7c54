from datetime import timedelta

import pytest

from ecsaudit.web.timeline import timeline
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("opened", "ECS Exec was called and opened the session"),
        ("denied", "ECS Exec was called and denied"),
        ("failed", "ECS Exec was called and failed"),
    ],
)
def test_the_opening_event_is_told_by_its_outcome(outcome: str, words: str) -> None:
    session = factories.exec_session(outcome=outcome)
    steps = timeline(session, [session.event])
    assert [(step.words, step.offset, step.time) for step in steps] == [(words, "", "2026-11-02 12:00:00 UTC")]


def test_later_events_stand_at_their_distance_in_words() -> None:
    session = factories.exec_session()
    later = [
        factories.event(event_name=name, event_time=NOW + timedelta(seconds=seconds))
        for name, seconds in (
            ("StartSession", 1),
            ("ResumeSession", 400),
            ("TerminateSession", 7_300),
            ("Other", 7_301),
        )
    ]
    steps = timeline(session, [session.event, *later])
    assert [(step.offset, step.words) for step in steps[1:]] == [
        ("+1 s", "ECS started the SSM session behind it"),
        ("+6 min", "The client connected again"),
        ("+2 h", "The session was terminated"),
        ("+2 h", "Other"),
    ]
