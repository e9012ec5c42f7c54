from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecsaudit import engine

ROOT = Path(__file__).parents[2]
ARTICLE = (ROOT / "tests" / "data" / "rules" / "ecs_exec.yaml").read_text(encoding="utf-8")

EVENT: dict[str, Any] = {
    "eventVersion": "1.08",
    "userIdentity": {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "arn": "arn:aws:iam::123456789012:user/alice",
        "accountId": "123456789012",
        "accessKeyId": "AKIAEXAMPLE",
        "userName": "alice",
    },
    "eventTime": "2021-02-03T17:00:14Z",
    "eventSource": "ecs.amazonaws.com",
    "eventName": "ExecuteCommand",
    "awsRegion": "ap-southeast-1",
    "sourceIPAddress": "203.0.113.7",
    "userAgent": "aws-cli/1.18.222 Python/2.7.16 Darwin/20.2.0 botocore/1.19.62",
    "requestParameters": {
        "cluster": "fargate-test",
        "container": "web",
        "command": "/bin/sh",
        "interactive": True,
        "task": "arn:aws:ecs:ap-southeast-1:123456789012:task/fargate-test/637d524791b7457b9e6598414404162a",
    },
    "responseElements": {"session": {"sessionId": "ecs-execute-command-062049f67691b9fa8"}},
    "readOnly": False,
}
MESSAGE = (
    "An interactive terminal shell has been executed inside an ECS container"
    " (requesting user=arn:aws:iam::123456789012:user/alice, requesting IP=203.0.113.7, AWS region=ap-southeast-1,"
    " cluster=fargate-test, container=web, command=/bin/sh,"
    " task=arn:aws:ecs:ap-southeast-1:123456789012:task/fargate-test/637d524791b7457b9e6598414404162a)"
)


@pytest.fixture(scope="module")
def article() -> engine.RuleSet:
    loaded = engine.load_rules([("rules/ecs_exec.yaml", ARTICLE)])
    assert (loaded.errors, loaded.warnings) == ((), ())
    return loaded.rule_set


def changed(**parameters: object) -> dict[str, Any]:
    return EVENT | {"requestParameters": EVENT["requestParameters"] | parameters}


@pytest.mark.parametrize("form", [dict, json.dumps, lambda event: json.dumps(event, indent=2).encode()])
def test_the_articles_event_matches_its_first_rule_and_no_other(article: engine.RuleSet, form: Any) -> None:
    (match,) = article.evaluate(form(EVENT))
    assert match.rule == "Terminal Shell in ECS Container"
    assert match.priority == "Warning"
    assert match.source == "aws_cloudtrail"
    assert set(match.tags) == {"cloud", "aws", "aws_ecs", "aws_fargate", "aws_ecs_exec"}
    assert match.output == MESSAGE
    assert match.output_fields["jevt.value[/requestParameters/command]"] == "/bin/sh"


@pytest.mark.parametrize(
    ("event", "rules"),
    [
        (changed(command="top"), [("Execute Interactive Command inside an ECS Container", "Critical")]),
        (changed(interactive=False), [("Execute Command inside an ECS Container", "Warning")]),
        (EVENT | {"errorCode": "AccessDeniedException"}, []),
        (EVENT | {"eventName": "ListTasks"}, []),
        ({}, []),
    ],
)
def test_the_articles_rules_tell_shells_commands_and_failures_apart(
    article: engine.RuleSet, event: dict[str, Any], rules: list[tuple[str, str]]
) -> None:
    assert [(match.rule, match.priority) for match in article.evaluate(event)] == rules


def test_a_missing_field_prints_as_na_and_control_characters_as_escapes(article: engine.RuleSet) -> None:
    event = changed(command="top\n\x1b[31m")
    del event["userIdentity"]
    (match,) = article.evaluate(event)
    assert "(requesting user=<NA>," in match.output
    assert "command=top\\n\\u001b[31m," in match.output
    assert match.output_fields["jevt.value[/userIdentity/arn]"] is None
    assert match.output_fields["jevt.value[/requestParameters/command]"] == "top\n\x1b[31m"


def rules(*conditions: str, enabled: str = "true") -> engine.RuleSet:
    text = "".join(
        f"- rule: R{number}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n"
        f"  source: aws_cloudtrail\n  enabled: {enabled}\n"
        for number, condition in enumerate(conditions)
    )
    loaded = engine.load_rules([("a.yaml", text)])
    assert loaded.ok
    return loaded.rule_set


def test_every_rule_that_matches_is_told_in_definition_order() -> None:
    rule_set = rules("ct.name = b", "evt.num > 1", "ct.name in (a, b)", "ct.name = a")
    assert [match.rule for match in rule_set.evaluate({"eventName": "b"}, number=2)] == ["R0", "R1", "R2"]


@pytest.mark.parametrize("name", [5, None, True, "", "5", "null"])
def test_the_index_on_the_event_name_changes_no_result(name: object) -> None:
    conditions = ["json.value[/eventName] in (5, null)", 'ct.name = ""', "ct.name = x", "not ct.name exists"]
    rule_set = rules(*conditions)
    record = {"eventName": name}
    expected = [
        f"R{number}" for number, text in enumerate(conditions) if engine.compile_condition(text).matches(record)
    ]
    assert [match.rule for match in rule_set.evaluate(record)] == expected


def test_the_event_names_are_those_of_enabled_rules(article: engine.RuleSet) -> None:
    assert article.event_names() == {"ExecuteCommand"}
    assert rules("ct.name = a", "ct.name in (b, c)").event_names() == {"a", "b", "c"}
    assert rules("ct.name = a", "ct.user = b").event_names() is None
    assert rules("ct.user = b", enabled="false").event_names() == frozenset()


def test_importing_the_engine_loads_neither_django_nor_celery() -> None:
    code = "import sys, ecsaudit.engine; print({'django', 'celery', 'boto3'} & {name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout == "set()\n"
