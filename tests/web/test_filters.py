from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Q
from django.http import QueryDict

from ecsaudit.execsessions.models import ExecSession
from ecsaudit.web import finding_list
from ecsaudit.web.filters import ListFilter
from ecsaudit.web.session_list import SPEC
from tests import factories
from tests.factories import NOW

TASK_ID = "f" * 32


def read(address: str) -> ListFilter:
    return ListFilter.read(SPEC, QueryDict(address))


def found(address: str) -> set[str]:
    return set(read(address).apply(ExecSession.objects.all(), NOW).values_list("person", flat=True))


@pytest.fixture
def sessions(db: None) -> None:
    factories.exec_session(person="new", cluster="a", started_at=NOW - timedelta(hours=1))
    factories.exec_session(person="week", cluster="b", started_at=NOW - timedelta(days=3), mode="one_shot")
    factories.exec_session(
        person="old", cluster="a", started_at=NOW - timedelta(days=60), task_id=TASK_ID, worst_priority=2
    )
    other = factories.event(
        account=factories.account("444455556666"), event_time=NOW - timedelta(days=2), region="us-east-1"
    )
    factories.exec_session(
        person="other",
        cluster="c",
        event=other,
        kind="around",
        outcome="denied",
        client="sdk",
        role_name="",
        command="id -u",
    )


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(
    ("address", "people"),
    [
        ("", {"new", "week", "other"}),
        ("days=1", {"new"}),
        ("days=90", {"new", "week", "old", "other"}),
        ("from=2026-10-30&to=2026-10-30", {"week"}),
        ("from=2026-10-31", {"new", "other"}),
        ("to=2026-10-29", {"old"}),
        ("from=2026-11-02T11:00:00&to=2026-11-02T11:00:00Z", {"new"}),
        ("cluster=a", {"new"}),
        ("cluster=a&cluster=b", {"new", "week"}),
        ("-cluster=a", {"week", "other"}),
        ("cluster=b&mode=one_shot", {"week"}),
        ("account=444455556666", {"other"}),
        ("region=us-east-1", {"other"}),
        ("kind=around", {"other"}),
        ("outcome=denied", {"other"}),
        ("client=sdk", {"other"}),
        ("person=week", {"week"}),
        ("-role=AWSReservedSSO_Developer_0123456789abcdef", {"other"}),
        ("priority=2&days=90", {"old"}),
        ("q=ID -U", {"other"}),
        (f"q={TASK_ID}", {"old"}),
        ("q=nothing", set()),
    ],
)
def test_each_filter_shows_what_it_says(address: str, people: set[str]) -> None:
    assert found(address) == people


@pytest.mark.parametrize(
    "address",
    [
        "days=7",
        "from=2026-10-30&to=2026-11-01",
        "cluster=a&cluster=b&-person=x%40example.com&q=ls+-la",
        "command=unknown-parameters-are-left-out&kind=exec",
        "person=%3Cscript%3E&cluster=%26%3D%23",
    ],
)
def test_what_is_read_and_written_again_is_the_same_filter(address: str) -> None:
    once = read(address)
    assert ListFilter.read(SPEC, QueryDict(once.address().removeprefix("?"))) == once


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("days=x", "“days” must be a number"),
        ("days=0", "“days” must be a number"),
        ("days=" + "9" * 5000, "“days” must be a number"),
        ("from=yesterday", "“from” is not a date"),
        ("to=9999-12-31", "“to” is not a date"),
        ("from=0001-01-01T00:00:00%2B14:00", "“from” is not a date"),
        ("kind=odd", "“kind” must be one of exec, around"),
        ("priority=9", "“priority” must be one of 0, 1"),
        ("person=" + "x" * 5000, "“person” is too long"),
        ("cluster=a%00b", "“cluster” is too long or holds a NUL"),
    ],
)
def test_what_cannot_be_used_is_told_and_the_rest_applies(address: str, problem: str) -> None:
    filter = read(f"{address}&mode=shell")
    assert len(filter.problems) == 1
    assert filter.problems[0].startswith(problem)
    assert ("mode", "shell") in filter.included


def test_a_value_is_chosen_and_given_up_again() -> None:
    chosen = read("cluster=a").toggled("cluster", "b")
    assert chosen.address() == "?cluster=a&cluster=b"
    assert chosen.toggled("cluster", "a").address() == "?cluster=b"


def test_a_value_is_left_out_even_if_it_was_chosen() -> None:
    assert read("cluster=a&cluster=b").without("cluster", "a").address() == "?cluster=b&-cluster=a"
    assert read("-cluster=a").without("cluster", "a").address() == "?-cluster=a"


def test_chips_say_each_filter_in_words_and_how_to_lose_it() -> None:
    chips = read("outcome=denied&-cluster=a&q=x&from=2026-11-01").chips()
    assert [chip.text for chip in chips] == ["Outcome: Denied", "Cluster: not a", "Search: x", "Time: from 2026-11-01"]
    assert chips[0].without == "?from=2026-11-01&-cluster=a&q=x"


def test_what_claims_to_come_from_the_future_is_shown(db: None) -> None:
    factories.exec_session(person="future", started_at=datetime(2035, 1, 1, tzinfo=UTC))
    assert found("") == {"future"}


def finding_filter(address: str) -> ListFilter:
    return ListFilter.read(finding_list.SPEC, QueryDict(address))


def test_the_default_view_is_the_one_that_an_index_holds() -> None:
    plain = Q(is_open=True) & Q(event_time__gte=datetime(2026, 10, 4, tzinfo=UTC))
    assert finding_filter("").condition(NOW) == plain
    assert [chip.text for chip in finding_filter("").chips()] == ["Suppressed and Resolved hidden", "Archived hidden"]
    # One of the two alone is a filter like any other.
    assert finding_filter("record_state=any").condition(NOW) == (
        Q(workflow_status__in=("new", "notified")) & Q(event_time__gte=datetime(2026, 10, 4, tzinfo=UTC))
    )


def test_any_lifts_a_default_and_is_given_up_for_a_value() -> None:
    every = finding_filter("workflow_status=any&record_state=any")
    assert every.condition(NOW) == Q(event_time__gte=datetime(2026, 10, 4, tzinfo=UTC))
    assert every == finding_filter("rule=a&priority=2").clear
    assert not every.is_narrowed
    assert finding_filter("").is_narrowed
    assert every.toggled("workflow_status", "resolved").query == "record_state=any&workflow_status=resolved"
    # Where nothing is hidden there is nothing to lift.
    assert finding_filter("rule=any").included == (("rule", "any"),)


def test_the_view_stands_in_the_address_unless_it_is_the_first() -> None:
    assert finding_filter("view=flat&rule=a").query == "rule=a&view=flat"
    assert finding_filter("view=grouped").query == ""
    assert finding_filter("view=flat").clear.query.endswith("view=flat")
    assert read("view=flat").query == ""
