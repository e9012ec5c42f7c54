import json
from typing import Any

import pytest

from ecsaudit.cloudtrail.record import read
from ecsaudit.findings.fingerprint import VERSION, Subject, fingerprint, subject_of
from tests.records import execute_command, start_session

ABOUT = {"rule": "R", "account": "111122223333", "region": "eu-west-1", "subject": Subject("ana", "prod", "web")}


def subject(record: dict[str, Any]) -> Subject:
    return subject_of(read(json.dumps(record)))


def test_who_is_told_by_the_record_and_where_by_cluster_and_container() -> None:
    found = subject(execute_command())
    assert (found.cluster, found.target) == ("prod_payments", "web")
    assert found.person


def test_another_task_of_the_same_container_is_the_same_subject() -> None:
    request = {"cluster": "prod_payments", "container": "web", "command": "/bin/sh", "interactive": True}
    first = subject(execute_command(requestParameters=request | {"task": "a" * 32}, responseElements=None))
    second = subject(execute_command(requestParameters=request | {"task": "b" * 32}, responseElements=None))
    assert first == second


def test_a_session_started_around_ecs_names_its_cluster() -> None:
    found = subject(start_session(requestParameters={"target": "ecs:prod_0123_0123-1"}, responseElements=None))
    assert (found.cluster, found.target) == ("prod", "")


def test_a_change_of_a_service_is_about_the_service() -> None:
    request = {"cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/prod", "service": "api"}
    found = subject(execute_command(eventName="UpdateService", requestParameters=request, responseElements=None))
    assert (found.cluster, found.target) == ("prod", "api")


def test_a_record_without_parameters_is_about_nothing_in_particular() -> None:
    found = subject(execute_command(eventName="PutUserPolicy", requestParameters=None, responseElements=None))
    assert (found.cluster, found.target) == ("", "")


def test_a_fingerprint_carries_its_version() -> None:
    assert fingerprint(**ABOUT).startswith(f"{VERSION}:")


@pytest.mark.parametrize(
    "other",
    [
        {"rule": "S"},
        {"account": "444455556666"},
        {"region": "us-east-1"},
        {"subject": Subject("bob", "prod", "web")},
        {"subject": Subject("ana", "test", "web")},
        {"subject": Subject("ana", "prod", "api")},
        {"subject": Subject("anaprod", "", "web")},
    ],
)
def test_each_part_keeps_findings_apart(other: dict[str, Any]) -> None:
    assert fingerprint(**ABOUT | other) != fingerprint(**ABOUT)
