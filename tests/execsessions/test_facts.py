import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecsaudit.cloudtrail.record import Record, read
from ecsaudit.cloudtrail.user_agent import Client
from ecsaudit.execsessions.facts import facts_of, opens_session, ssm_session_id, ssm_target
from ecsaudit.execsessions.models import Kind, Mode, Outcome
from tests.records import (
    SESSION_ID,
    SSO_USER,
    TARGET,
    TASK_ID,
    around,
    denied,
    execute_command,
    start_session,
    terminate_session,
)


def record(data: dict[str, Any]) -> Record:
    return read(json.dumps(data), {"EventTime": 1_793_611_800, "EventId": "outer", "EventName": "outer"})


def test_a_shell_that_was_opened() -> None:
    facts = facts_of(record(execute_command()))
    assert (facts.kind, facts.mode, facts.outcome) == (Kind.EXEC, Mode.SHELL, Outcome.OPENED)
    assert (facts.person, facts.cluster, facts.task_id, facts.container) == (
        "ana@example.com",
        "prod_payments",
        TASK_ID,
        "web",
    )
    assert (facts.command, facts.client, facts.source_ip_address) == ("/bin/sh", Client.CLI, "203.0.113.7")
    assert facts.ssm_session_id == SESSION_ID


def test_a_refused_call_takes_its_task_from_the_error_message() -> None:
    facts = facts_of(record(denied()))
    assert facts.outcome == Outcome.DENIED
    assert (facts.cluster, facts.task_id) == ("prod_payments", TASK_ID)
    assert facts.error_code == "AccessDenied"


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation"])
def test_refusals_in_every_spelling_are_denied(code: str) -> None:
    assert facts_of(record(execute_command(errorCode=code, responseElements=None))).outcome == Outcome.DENIED


@pytest.mark.parametrize("code", ["TargetNotConnectedException", "InvalidParameterException", "ThrottlingException"])
def test_other_errors_are_failed_with_their_code(code: str) -> None:
    facts = facts_of(record(execute_command(errorCode=code, responseElements=None)))
    assert (facts.outcome, facts.error_code) == (Outcome.FAILED, code)


def test_names_come_from_the_answer_when_the_request_leaves_them_out() -> None:
    facts = facts_of(record(execute_command(requestParameters={"command": "/bin/sh", "task": TASK_ID})))
    assert (facts.cluster, facts.container) == ("prod_payments", "web")


def test_a_refused_call_without_a_cluster_means_the_default_cluster() -> None:
    request = {"command": "/bin/sh", "task": TASK_ID}
    facts = facts_of(
        record(execute_command(requestParameters=request, responseElements=None, errorCode="ClientException"))
    )
    assert facts.cluster == "default"


def test_a_session_opened_around_ecs_exec() -> None:
    facts = facts_of(record(around()))
    assert (facts.kind, facts.mode, facts.outcome) == (Kind.AROUND, Mode.SHELL, Outcome.OPENED)
    assert (facts.cluster, facts.task_id) == ("prod_payments", TASK_ID)


def test_port_forwarding_and_commands_around_ecs_exec() -> None:
    forwarding = {"target": TARGET, "documentName": "AWS-StartPortForwardingSessionToRemoteHost"}
    assert facts_of(record(around(requestParameters=forwarding))).mode == Mode.PORT_FORWARD
    command = {"target": TARGET, "documentName": "AWS-StartInteractiveCommand", "parameters": {"command": ["id"]}}
    facts = facts_of(record(around(requestParameters=command)))
    assert (facts.mode, facts.command) == (Mode.ONE_SHOT, "id")


def test_what_opens_a_session_and_what_does_not() -> None:
    assert opens_session(record(execute_command()))
    assert opens_session(record(denied()))
    assert opens_session(record(around()))
    assert not opens_session(record(start_session()))
    assert not opens_session(record(terminate_session()))
    assert not opens_session(record(around(requestParameters={"target": "i-0123456789abcdef0"})))
    assert not opens_session(record(execute_command(eventSource="rds-data.amazonaws.com")))


def test_a_dry_run_opens_nothing() -> None:
    assert not opens_session(record(execute_command(dryrun=True)))
    assert opens_session(record(execute_command(dryrun=False)))


@pytest.mark.parametrize("make", [execute_command, start_session, terminate_session])
def test_events_of_one_ssm_session_share_its_id(make: Any) -> None:
    assert ssm_session_id(record(make())) == SESSION_ID


@pytest.mark.parametrize(
    ("target", "cluster", "task_id"),
    [("ecs:prod_a_b_0123_0123-9", "prod_a_b", "0123"), ("ecs:odd", "odd", ""), ("ecs:", "", "")],
)
def test_cluster_names_may_hold_underscores(target: str, cluster: str, task_id: str) -> None:
    found = ssm_target(target)
    assert (found.cluster, found.task_id) == (cluster, task_id)


@pytest.mark.parametrize("part", ["userIdentity", "requestParameters", "responseElements"])
@pytest.mark.parametrize("value", [None, [], "text", 7, {}, {"command": {}, "task": [], "session": "x"}])
def test_parts_that_are_missing_or_of_another_type_leave_their_facts_empty(part: str, value: Any) -> None:
    facts = facts_of(record(execute_command(**{part: value})))
    assert facts.kind == Kind.EXEC
    assert facts.person


def test_everything_missing_is_still_a_session() -> None:
    facts = facts_of(read('{"eventName": "ExecuteCommand", "eventID": "e"}', {"EventTime": 0}))
    assert (facts.person, facts.cluster, facts.mode) == ("unknown", "", Mode.UNKNOWN)


def test_hostile_text_becomes_storable_without_being_cut_short() -> None:
    command = "echo \x00 \ud800 \x1b[31m \u202e <script>"
    assert facts_of(record(execute_command(command=command))).command == (
        "echo \ufffd \ufffd\ufffd\ufffd \x1b[31m \u202e <script>"
    )
    assert len(facts_of(record(execute_command(userAgent="x" * 200_000))).user_agent) == 200_000
    long_name = {**SSO_USER, "sessionContext": {}, "arn": "arn:aws:sts::1:assumed-role/r/" + "p" * 5000}
    assert len(facts_of(record(execute_command(userIdentity=long_name))).person) == 256


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARTS = ("userIdentity", "requestParameters", "responseElements", "errorCode", "errorMessage", "userAgent", "awsRegion")
INNER = tuple(
    "type arn userName principalId sessionContext sessionIssuer invokedBy webIdFederationData task cluster container command "
    "target documentName parameters session sessionId dryrun".split()
)


@given(
    name=st.sampled_from(["ExecuteCommand", "StartSession", "TerminateSession", "ResumeSession"]),
    parts=st.dictionaries(st.sampled_from(PARTS), ODD | st.dictionaries(st.sampled_from(INNER), ODD, max_size=6)),
)
def test_no_record_of_any_shape_breaks_the_facts(name: str, parts: dict[str, Any]) -> None:
    data = {"eventName": name, "eventID": "e", "eventTime": "2026-11-02T09:30:00Z"} | parts
    found = read(json.dumps(data).replace("NaN", "null").replace("Infinity", "1"))
    facts = facts_of(found)
    assert facts.person
    assert "\x00" not in f"{facts.command}{facts.person}{facts.cluster}{facts.task_id}{facts.ssm_session_id}"
    opens_session(found)
    ssm_session_id(found)
