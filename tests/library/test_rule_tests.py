from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from ecsaudit.library.effective import rules
from ecsaudit.library.models import RuleTest
from ecsaudit.library.rule_tests import TestRefused, cases_of, keep, results, tally
from ecsaudit.library.services import refresh
from ecsaudit.people.models import User
from tests import records

pytestmark = pytest.mark.django_db
SHELL = "Terminal Shell in ECS Container"
RECORD = json.dumps(records.execute_command())


def test_shipped_tests_and_kept_ones_run_together(ann: User, settings: Settings) -> None:
    settings.RULES_DIR = Path(__file__).parents[2] / "rules"
    refresh()
    keep(rule=SHELL, matches=False, why="expected", record=RECORD, author=ann)
    by_name = {rule.name: rule for rule in rules.current().rules}
    found = results(by_name, [SHELL, "There is no such rule"])
    assert len(found) > 2
    assert [result.passed for result in found] == [True] * (len(found) - 1) + [False]
    assert found[-1].explanation.result is True
    assert found[-1].case.pk == RuleTest.objects.get().pk


def test_a_record_is_kept_as_it_came(ann: User) -> None:
    text = '{"eventName": "ExecuteCommand", "big": 1.10, "odd": "\ud800\x7f"}'
    keep(rule="A", matches=True, why="", record=text, author=ann)
    assert RuleTest.objects.get().record == text


def test_the_same_record_again_changes_what_is_expected(ann: User, adam: User) -> None:
    keep(rule="A", matches=True, why="once", record=RECORD, author=ann)
    keep(rule="A", matches=False, why="again", record=RECORD, author=adam)
    keep(rule="B", matches=True, why="", record=RECORD, author=ann)
    assert [(case.rule, case.matches, case.why) for case in cases_of(["A"])["A"]] == [("A", False, "again")]
    assert RuleTest.objects.count() == 2


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ("{", "the record is not JSON"),
        ("[1]", "must be one JSON object"),
        ("[" * 100_000, "the record is not JSON"),
        ('{"a": "' + "x" * 500_000 + '"}', "a test may have 500,000"),
    ],
)
def test_what_is_no_record_is_refused(ann: User, record: str, told: str) -> None:
    with pytest.raises(TestRefused, match=told):
        keep(rule="A", matches=True, why="", record=record, author=ann)
    assert not RuleTest.objects.exists()


def test_a_tally_tells_how_many_tests_of_each_rule_pass(ann: User) -> None:
    shell, *_ = found = [
        rule for rule in rules.current().rules if rule.name in (SHELL, "Execute Command inside an ECS Container")
    ]
    keep(rule=shell.name, matches=True, why="", record=RECORD, author=ann)
    keep(rule=shell.name, matches=True, why="", record='{"eventName": "Other"}', author=ann)
    assert tally(found) == {rule.name: (1, 2) if rule is shell else (0, 0) for rule in found}
