import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ecsaudit.demo.accounts import PRODUCTION, cluster, task_on
from ecsaudit.demo.calls import Actor, Call
from ecsaudit.demo.clients import CLI_MAC
from ecsaudit.demo.exec_calls import Attempt, Refusal, opened, refused
from ecsaudit.demo.people import TOM

PAYMENTS = cluster(PRODUCTION, "prod-payments", "eu-west-1")
TASK = task_on(date(2026, 11, 20), PRODUCTION, PAYMENTS, PAYMENTS.services[0])
ACTOR = Actor(TOM.caller, "203.0.113.10", CLI_MAC)


def attempt(minute: int = 0) -> Attempt:
    return Attempt(ACTOR, datetime(2026, 11, 20, 9, minute, tzinfo=UTC), TASK, "/bin/sh")


def record(call: Call) -> Any:
    return json.loads(call.stored_event().cloudtrail_event)


def test_an_opened_exec_names_the_task_in_its_response() -> None:
    given = record(opened(attempt())[0])
    assert given["requestParameters"]["command"] == "/bin/sh"
    assert given["requestParameters"]["interactive"] is True
    response = given["responseElements"]
    assert (response["clusterArn"], response["taskArn"]) == (TASK.cluster_arn, TASK.arn)
    assert response["session"]["tokenValue"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert response["session"]["sessionId"] in response["session"]["streamUrl"]
    assert "errorCode" not in given


def test_the_session_behind_an_exec_has_its_id_but_not_its_person() -> None:
    calls = [call for minute in range(5) for call in opened(attempt(minute))]
    given = record(next(call for call in calls if call.operation == "StartSession"))
    assert given["responseElements"]["sessionId"].startswith("ecs-execute-command-")
    assert given["requestParameters"]["target"] == TASK.target
    assert given["requestParameters"]["documentName"] == "AmazonECS-ExecuteInteractiveCommand"
    assert given["userIdentity"]["invokedBy"] == "ecs.amazonaws.com"
    assert given["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "AWSServiceRoleForECS"
    assert given["sourceIPAddress"] == given["userAgent"] == "ecs.amazonaws.com"
    assert "tlsDetails" not in given


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refused_exec_has_an_error_and_no_response(refusal: Refusal) -> None:
    given = record(refused(attempt(), refusal))
    assert given["errorCode"]
    assert given["errorMessage"]
    assert given["responseElements"] is None


def test_a_denial_names_person_and_task_in_its_message_with_or_without_the_request() -> None:
    denials = [record(refused(attempt(minute), Refusal.DENIED)) for minute in range(20)]
    for given in denials:
        assert given["userIdentity"]["arn"] in given["errorMessage"]
        assert TASK.arn in given["errorMessage"]
    assert {given["requestParameters"] is None for given in denials} == {True, False}
    assert {given["errorCode"] for given in denials} == {"AccessDenied", "AccessDeniedException"}
