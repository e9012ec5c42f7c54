"""The tree of decisions changes how fast rules are found, never which."""

from __future__ import annotations

import random

import pytest

from ecsaudit import engine
from ecsaudit.engine import dispatch

CONDITIONS = [
    "ct.name = a and not ct.error exists",
    "ct.name in (a, b) and ct.region = r and json.value[/readOnly] = 0",
    "ct.name = a and ct.readonly = false",
    "ct.name = b and ct.user = alice",
    "ct.name = b and (ct.user in (Ops, alice) or not ct.user.identitytype = Root)",
    "json.value[/eventName] = null",
    'json.value[/eventName] = 5 or ct.name = ""',
    "ct.user.identitytype = AssumedRole and not ct.user = Ops",
    "ct.name = a and json.value[/requestParameters/n] in (1, 1.0, true)",
    "not ct.name exists",
    "ct.name = a and evt.num > 1",
    "ct.name = b and ct.src = val(ct.region)",
    "ct.name = a and json.value[/readOnly] = val(json.value[/managementEvent])",
]
NAMES = ['"a"', '"b"', '"c"', "5", "null", "true", '""', r'"a\u0000x"', "[]", None]
ODD = ["0", "1", "1.0", "true", "false", "null", '"true"', '"r"', '"r\\u0000"', "{}", "[1]", "-0", None]
IDENTITIES = [
    '{"type":"AssumedRole","sessionContext":{"sessionIssuer":{"userName":"Ops"}}}',
    '{"type":"AssumedRole"}',
    '{"type":"IAMUser","userName":"alice"}',
    '{"type":"Root"}',
    '{"type":1}',
    '"alice"',
    None,
]


def made(rng: random.Random) -> str:
    members = {
        "eventName": rng.choice(NAMES),
        "userIdentity": rng.choice(IDENTITIES),
        "awsRegion": rng.choice(ODD),
        "eventSource": rng.choice(ODD),
        "readOnly": rng.choice(ODD),
        "managementEvent": rng.choice(ODD),
        "errorCode": rng.choice(['"Denied"', None, None, "null"]),
        "requestParameters": rng.choice(['{"n":1}', '{"n":1.0}', '{"n":true}', '{"n":"1"}', "{}", "null", None]),
    }
    present = [(key, value) for key, value in members.items() if value is not None]
    doubled = [(key, rng.choice(ODD) or "0") for key, _ in present if rng.random() < 0.05]
    return "{" + ",".join(f'"{key}":{value}' for key, value in present + doubled) + "}"


@pytest.fixture(scope="module")
def records() -> list[str]:
    rng = random.Random(3)
    return [made(rng) for _ in range(1_500)]


def loaded() -> engine.RuleSet:
    rules = "".join(
        f"- rule: R{number}\n  desc: d\n  condition: '{condition}'\n  output: o\n  priority: INFO\n"
        "  source: aws_cloudtrail\n"
        for number, condition in enumerate(CONDITIONS)
    )
    result = engine.load_rules([("a.yaml", rules)])
    assert result.ok
    return result.rule_set


def check(records: list[str]) -> None:
    rule_set = loaded()
    conditions = [engine.compile_condition(text) for text in CONDITIONS]
    found: set[str] = set()
    for number, record in enumerate(records, start=1):
        expected = [f"R{index}" for index, one in enumerate(conditions) if one.matches(record, number)]
        assert [match.rule for match in rule_set.evaluate(record, number)] == expected, record
        found.update(expected)
    assert len(found) == len(CONDITIONS)


def test_the_tree_finds_what_the_conditions_match_one_by_one(records: list[str]) -> None:
    check(records)


def test_a_tree_that_may_not_grow_finds_the_same(records: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_MAX_GRANT", -1)
    check(records)


def test_a_tree_that_forgets_finds_the_same(records: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_MAX_NODES", 7)
    monkeypatch.setattr(dispatch, "_MAX_VALUES", 30)
    monkeypatch.setattr(dispatch, "_MAX_LENGTH", 3)
    monkeypatch.setattr(dispatch, "_MANY", 5)
    check(records)


def test_a_record_that_no_rule_is_for_asks_none() -> None:
    rule_set = loaded()
    node = rule_set._dispatcher.unnamed
    assert [rule.name for rule, _ in node.plan] == ["R7", "R9"]
    assert rule_set.evaluate('{"eventName":"c","userIdentity":{"type":"Root"}}') == []


def test_a_field_of_many_values_is_left_to_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_MANY", 20)
    rule = "rule: R, desc: d, condition: ct.srcip startswith 10. and ct.src = a, output: o, priority: INFO"
    rule_set = engine.load_rules([("a.yaml", f"- {{{rule}, source: aws_cloudtrail}}")]).rule_set
    addresses = [f"{first}.0.0.{last}" for first in (10, 11) for last in range(40)]
    found = [rule_set.evaluate({"eventSource": "a", "sourceIPAddress": address}) != [] for address in addresses]
    assert found == [address.startswith("10.") for address in addresses]
    assert rule_set._dispatcher.wide == {"/sourceIPAddress"}
    assert rule_set._dispatcher.values < 20
