from __future__ import annotations

import json
from typing import Any

import pytest

from ecsaudit import engine
from ecsaudit.engine import Kind

RULES = """
- list: shells
  items: [sh, bash, /bin/sh]
- list: nobody
  items: []
- macro: succeeded
  condition: not ct.error exists
- rule: Shell
  desc: d
  condition: ct.name = ExecuteCommand and succeeded and (ecs.command in (shells, zsh) or tolower(ecs.cluster) = prod)
  output: "%ct.name"
  priority: INFO
  source: aws_cloudtrail
  exceptions:
    - name: known_people
      fields: [ct.user, ct.region]
      values: [[alice, eu-west-1], [bob, us-east-1]]
    - name: without_values
      fields: ct.srcip
    - name: office
      fields: ct.srcip
      values: [203.0.113.7]
"""
EVENT: dict[str, Any] = {
    "eventName": "ExecuteCommand",
    "awsRegion": "us-east-1",
    "userIdentity": {"type": "IAMUser", "userName": "alice"},
    "requestParameters": {"command": "/bin/sh", "cluster": "PROD"},
}


@pytest.fixture(scope="module")
def loaded() -> engine.LoadResult:
    result = engine.load_rules([("a.yaml", RULES)])
    assert result.ok
    return result


def explained(loaded: engine.LoadResult, **changes: object) -> engine.Explanation:
    event = EVENT | changes
    found = engine.explain(loaded.rules[0], event)
    assert found.result is bool(loaded.rule_set.evaluate(event))
    return found


def test_a_match_shows_every_part_with_its_result_and_the_values_read(loaded: engine.LoadResult) -> None:
    root = explained(loaded)
    condition, people, office = root.children
    assert (root.kind, root.result, condition.result) == (Kind.AND, True, True)
    name, succeeded, command = condition.children
    assert (name.text, name.result, name.values) == ("ct.name = ExecuteCommand", True, {"ct.name": "ExecuteCommand"})
    assert (succeeded.kind, succeeded.text, succeeded.result) == (Kind.MACRO, "succeeded", True)
    (negation,) = succeeded.children
    assert (negation.kind, negation.result, negation.children[0].values) == (Kind.NOT, True, {"ct.error": None})
    shell, cluster = command.children
    assert shell.lists == {"shells": ("sh", "bash", "/bin/sh")}
    assert (cluster.result, cluster.values) == (None, {})
    assert (people.kind, people.text, people.result) == (Kind.EXCEPTION, "known_people", False)
    assert (office.text, office.result) == ("office", False)


def test_an_exception_that_applies_is_a_branch_of_its_own(loaded: engine.LoadResult) -> None:
    root = explained(loaded, awsRegion="eu-west-1")
    condition, people, office = root.children
    assert (root.result, condition.result, people.result, office.result) == (False, True, True, None)
    first, second = people.children[0].children
    assert (first.result, second.result) == (True, None)


def test_what_comes_after_the_deciding_part_is_not_reached(loaded: engine.LoadResult) -> None:
    root = explained(loaded, eventName="RunTask")
    name, *rest = root.children[0].children
    assert name.result is False
    assert [part.result for part in rest] == [None, None]
    assert [part.result for part in root.children[1:]] == [None, None]


def test_a_transformer_shows_its_own_value_and_its_fields(loaded: engine.LoadResult) -> None:
    root = explained(loaded, requestParameters={"command": "top", "cluster": "PROD"})
    cluster = root.children[0].children[2].children[1]
    assert cluster.values == {"tolower(ecs.cluster)": "prod", "ecs.cluster": "PROD"}


def test_both_fields_of_a_comparison_are_shown() -> None:
    condition = engine.compile_condition("ct.name = val(ct.user) or ct.name = concat(ct.src, ct.region)")
    first, second = engine.explain(condition, {"eventName": "x"}).children
    assert first.values == {"ct.name": "x", "ct.user": None}
    assert second.values == {"ct.name": "x", "concat(ct.src,ct.region)": None, "ct.src": None, "ct.region": None}


def test_lists_inside_macros_are_shown_by_name_too() -> None:
    text = RULES.replace("not ct.error exists", "ct.user in (nobody)").replace("and succeeded", "and not succeeded")
    loaded = engine.load_rules([("a.yaml", text)])
    negation = engine.explain(loaded.rules[0], EVENT).children[0].children[1]
    (macro,) = negation.children
    assert macro.children[0].lists == {"nobody": ()}


def test_an_explanation_can_be_written_as_json(loaded: engine.LoadResult) -> None:
    found = json.loads(json.dumps(explained(loaded).as_dict()))
    assert found["children"][0]["children"][0] == {
        "kind": "check",
        "text": "ct.name = ExecuteCommand",
        "result": True,
        "values": {"ct.name": "ExecuteCommand"},
    }


def test_hostile_values_stay_on_one_line_of_text(loaded: engine.LoadResult) -> None:
    root = explained(loaded, requestParameters={"command": "\x1b[31m\n" + "x" * 5_000})
    lines = list(engine.explanation_lines(root))
    assert "false and" in lines[0] or "true  and" in lines[0]
    assert any("exception known_people: " in line for line in lines)
    assert any('ecs.command: "\\u001b[31m\\n' in line for line in lines)
    assert all(len(line) < 300 and line.isprintable() for line in lines)


@pytest.mark.parametrize("record", ["", "{", "[]", '{"eventName":5}', b"\xff"])
def test_any_text_can_be_explained(loaded: engine.LoadResult, record: str | bytes) -> None:
    assert engine.explain(loaded.rules[0], record).result is False


def test_all_exceptions_that_apply_are_named_not_only_the_first(loaded: engine.LoadResult) -> None:
    (rule,) = loaded.rules

    def names(**changes: object) -> tuple[str, ...]:
        return engine.excepted_by(rule, json.dumps(EVENT | changes))

    both = {"awsRegion": "eu-west-1", "sourceIPAddress": "203.0.113.7"}
    assert names(**both) == ("known_people", "office")
    assert names(sourceIPAddress="203.0.113.7") == ("office",)
    assert names() == ()
    # Without its exceptions the rule would not match it either.
    assert names(**both, errorCode="AccessDenied") == ()
