"""One rule set out of two: what a draft makes of each match, read once."""

from __future__ import annotations

import json

import pytest

from ecsaudit.library.effective import Effective, compiled
from ecsaudit.library.models import RuleSet
from ecsaudit.replay.judging import Comparison, asked_names, chosen
from tests.records import execute_command, start_session

pytestmark = pytest.mark.django_db
RULE = "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"


def effective(**conditions: str) -> Effective:
    text = "".join(RULE.format(name=name, condition=condition) for name, condition in conditions.items())
    # Whether a rule is on or off makes no difference to what would change.
    return compiled(RuleSet.objects.create(files=[["a.yaml", text]], modes=dict.fromkeys(conditions, "off")))


def test_a_match_is_new_gone_or_unchanged() -> None:
    live = effective(Same="ct.name = ExecuteCommand", Lost="ct.name = ExecuteCommand", Other="ct.name exists")
    draft = effective(Same="ct.src exists", Won="ct.name = ExecuteCommand", Other="ct.src exists")
    comparison = Comparison(live, draft, {"Same", "Lost", "Won"})
    record = json.dumps(execute_command()).encode()
    assert dict(comparison.changes(record)) == {"Same": "unchanged", "Lost": "gone", "Won": "new"}
    assert comparison.changes(json.dumps(start_session())) == [("Same", "new")]
    assert comparison.changes(b"not json") == []


def test_the_names_to_read_are_those_of_both_sides_or_all() -> None:
    rules = effective(A="ct.name = StopTask", B="ct.name in (RunTask, StopTask)", C="ct.user exists").rules
    assert asked_names(chosen(rules, {"A", "B"})) == {"StopTask", "RunTask"}
    assert asked_names(chosen(rules, {"A", "C"})) is None
    assert asked_names([]) == frozenset()
