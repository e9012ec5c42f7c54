import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from ecsaudit.cloudtrail.models import Event
from ecsaudit.cloudtrail.services import store_page
from ecsaudit.execsessions import services
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.facts import ssm_session_id
from ecsaudit.execsessions.models import DailyCount, ExecSession, Kind, Outcome
from tests import factories
from tests.records import around, denied, execute_command, item, start_session, terminate_session

pytestmark = pytest.mark.django_db


def take_in(*records: dict[str, Any]) -> None:
    """Each record as a page of its own, as if they came at different times."""
    for record in records:
        tally = Tally()
        new = store_page(feed=factories.feed(), items=[item(record)], ssm_session_id=ssm_session_id)
        services.join(new, tally)
        tally.save(factories.account().pk)


def picture() -> list[tuple[str, str, str, int]]:
    return [
        (session.event.event_name, session.person, session.kind, session.session_events.count())
        for session in ExecSession.objects.select_related("event").order_by("started_at")
    ]


def counted(dimension: str) -> dict[str, int]:
    rows: Iterable[DailyCount] = DailyCount.objects.filter(dimension=dimension)
    return {row.value: row.count for row in rows if row.count}


CHAIN = (execute_command(), start_session(), terminate_session())


@pytest.mark.parametrize("order", list(itertools.permutations(CHAIN)))
def test_the_events_of_one_session_join_in_any_order(order: tuple[dict[str, Any], ...]) -> None:
    take_in(*order)
    assert picture() == [("ExecuteCommand", "ana@example.com", Kind.EXEC, 3)]
    assert ExecSession.objects.get().ended_at == datetime(2026, 11, 2, 9, 45, tzinfo=UTC)
    assert counted("outcome") == {"opened": 1}
    assert counted("person") == {"ana@example.com": 1}


def test_the_events_of_one_session_join_within_one_page() -> None:
    items = [item(record) for record in CHAIN]
    new = store_page(feed=factories.feed(), items=items, ssm_session_id=ssm_session_id)
    services.join(new, Tally())
    assert picture() == [("ExecuteCommand", "ana@example.com", Kind.EXEC, 3)]


def test_the_same_events_again_change_nothing() -> None:
    take_in(*CHAIN)
    take_in(*CHAIN)
    assert picture() == [("ExecuteCommand", "ana@example.com", Kind.EXEC, 3)]
    assert counted("outcome") == {"opened": 1}


def test_a_session_opened_around_ecs_exec_stands_on_its_own() -> None:
    take_in(*CHAIN, around())
    assert [row[2] for row in picture()] == [Kind.EXEC, Kind.AROUND]
    assert counted("outcome") == {"opened": 1, "around": 1}


def test_ecs_s_own_start_without_its_execute_command_is_still_shown() -> None:
    take_in(start_session())
    session = ExecSession.objects.get()
    assert (session.kind, session.task_id) == (Kind.EXEC, execute_command()["requestParameters"]["task"])


def test_failed_attempts_are_sessions() -> None:
    take_in(denied(), execute_command(errorCode="TargetNotConnectedException", responseElements=None))
    assert set(ExecSession.objects.values_list("outcome", flat=True)) == {Outcome.DENIED, Outcome.FAILED}


def test_two_execute_commands_that_claim_one_session_id_are_two_sessions() -> None:
    take_in(execute_command(), execute_command(eventID="another"), start_session())
    assert ExecSession.objects.count() == 2


def test_session_events_of_other_things_make_no_session() -> None:
    ec2 = {
        "requestParameters": {"target": "i-0123456789abcdef0"},
        "responseElements": {"sessionId": "bob-0a6dc114a2d2ea621"},
    }
    take_in(around(**ec2), terminate_session(responseElements={"sessionId": "bob-0a6dc114a2d2ea621"}))
    assert not ExecSession.objects.exists()
    assert Event.objects.count() == 2


def test_an_event_that_lacks_its_own_id_and_time_joins_as_well() -> None:
    bare = {
        key: value for key, value in execute_command().items() if key not in ("eventID", "eventTime", "eventSource")
    }
    outer = {"EventId": "outer", "EventTime": factories.NOW, "EventSource": "ecs.amazonaws.com"}
    for page in ([item(json.dumps(bare), **outer)], [item(start_session())]):
        new = store_page(feed=factories.feed(), items=page, ssm_session_id=ssm_session_id)
        services.join(new, Tally())
    assert ExecSession.objects.get().session_events.count() == 2
