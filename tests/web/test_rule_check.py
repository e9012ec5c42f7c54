from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from ecsaudit.library import rule_tests
from ecsaudit.library.effective import rules
from ecsaudit.library.services import refresh
from ecsaudit.people.models import User
from ecsaudit.web import rule_check
from ecsaudit.web.rule_check import Checked, checked
from tests import factories, records

pytestmark = pytest.mark.django_db
RULE = "- rule: {}\n  desc: d\n  condition: shell\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
SHIPPED = "- macro: shell\n  condition: ecs.command = /bin/sh\n" + RULE.format("A") + RULE.format("B")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()


def check(text: str, *, kind: str = "rule", name: str = "C", event: int | None = None) -> Checked:
    layer = "own" if name == "C" else "overlay"
    at_hand = factories.event(raw_text=json.dumps(records.execute_command())) if event else None
    return checked(kind=kind, name=name, layer=layer, text=text, effective=rules.current(), event=at_hand)


def test_a_problem_stands_in_its_line_with_a_caret() -> None:
    (problem,) = check(RULE.format("C").replace("shell", "ct.nmae = x")).problems
    assert (problem.level, problem.line, problem.column, problem.own) == ("error", 3, 14, True)
    assert problem.source == "  condition: ct.nmae = x"
    assert problem.caret == "             ^"


def test_errors_stand_before_warnings_and_only_they_count_as_errors() -> None:
    found = check(RULE.format("C").replace("shell", "ct.readonly = yes").replace("output: o", "output: o\u200b"))
    assert [problem.level for problem in found.problems] == ["warning", "warning"]
    assert found.errors == 0
    assert found.rule is not None


def test_a_problem_of_a_macro_s_own_stands_in_its_text() -> None:
    found = check("- macro: shell\n  condition: nothing\n", kind="macro", name="shell")
    assert [(problem.own, problem.level) for problem in found.problems] == [(True, "error")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("# Why.\n- macro: shell\n  condition: ct.nmae = x\n", (3, 14)),
        ("- macro: shell\n  condition: and ct.nmae = x\n  override: {condition: append}\n", (2, 18)),
        ("- macro: shell\n  append: true\n  condition: >\n    or ct.user = u\n    or ct.nmae = x\n", (5, 8)),
        ("-\n    macro: shell\n    condition: ct.nmae = x\n", (3, 16)),
    ],
)
def test_an_error_of_a_macro_stands_in_the_macro_and_in_the_rules_that_use_it(
    text: str, place: tuple[int, int]
) -> None:
    own, *others = check(text, kind="macro", name="shell").problems
    assert (own.own, own.line, own.column) == (True, *place)
    assert own.message == "filter_check called with nonexistent field ct.nmae"
    errors = [(other.own, other.place) for other in others if other.level == "error"]
    assert errors == [(False, "shipped.yaml")] * 2


def test_a_macro_tells_which_rules_it_changes_up_to_a_number(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    rule_tests.keep(rule="A", matches=True, why="", record=json.dumps(records.execute_command()), author=ann)
    text = "- macro: shell\n  condition: or ct.user = u\n  override: {condition: append}\n"
    found = check(text, kind="macro", name="shell", event=1)
    assert (found.rules, found.more_rules, found.failed) == (["A", "B"], 0, 0)
    assert [(rule, explanation.result) for rule, explanation in found.event] == [("A", True), ("B", True)]
    monkeypatch.setattr(rule_check, "MOST_RULES", 1)
    found = check(text, kind="macro", name="shell")
    assert (found.rules, found.more_rules) == (["A"], 1)


def test_without_any_rules_that_judge_a_text_is_checked_all_the_same() -> None:
    found = checked(kind="rule", name="C", layer="own", text=RULE.format("C"), effective=None, event=None)
    assert (found.errors, found.tests) == (0, [])
