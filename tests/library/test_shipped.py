"""The shipped library: every rule has a runbook and tests, and does what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecsaudit import engine
from ecsaudit.engine.command_line.main import main
from ecsaudit.engine.fields import fields_for
from ecsaudit.library.shipped import Expectation, ShippedFileBroken, ShippedTest, changed, read_runbooks, read_tests

RULES = Path(__file__).parents[2] / "rules"
LOADED = engine.load_rules([(path.name, path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.yaml"))])
TESTS = read_tests(RULES)


def matching(record: str) -> set[str]:
    """The rules that match a record, those that are off among them."""
    return {rule.name for rule in LOADED.rules if rule.condition.matches(record)}


def test_the_engine_s_check_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(RULES)]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out


def test_there_are_at_least_forty_rules_and_none_has_two_names() -> None:
    names = [rule.name for rule in LOADED.rules]
    assert len(names) == len(set(names)) >= 40


def test_every_rule_has_a_runbook_tests_tags_and_a_bound_on_its_events() -> None:
    runbooks = read_runbooks(RULES)
    names = {rule.name for rule in LOADED.rules}
    assert runbooks.keys() == names
    assert all(runbook.check and runbook.do for runbook in runbooks.values())
    for expectation in (Expectation.FIRES, Expectation.QUIET):
        assert {test.rule for test in TESTS if test.expectation is expectation} == names
    for rule in LOADED.rules:
        assert rule.tags, rule.name
        assert rule.event_names, rule.name


@pytest.mark.parametrize("test", TESTS, ids=lambda test: f"{test.rule}: {test.expectation} {test.why}")
def test_a_record_is_matched_as_it_says(test: ShippedTest) -> None:
    found = matching(test.record)
    if test.expectation is Expectation.QUIET:
        assert found == set()
    else:
        assert (test.rule in found) is test.fires


def test_no_rule_uses_a_field_that_falco_does_not_have() -> None:
    ours = [name for name in fields_for("aws_cloudtrail") if name.startswith("ecs.")]
    texts = [path.read_text(encoding="utf-8") for path in RULES.glob("*.yaml")]
    assert ours
    assert not [
        name for name in ours if any(re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", text) for text in texts)
    ]


def test_a_record_is_changed_at_pointers_and_the_first_stays_as_it_was() -> None:
    record = {"a": {"b": 1}, "c": None}
    assert changed(record, {"/a/b": 2, "/c/d/e": [3], "/f": None}) == {"a": {"b": 2}, "c": {"d": {"e": [3]}}, "f": None}
    assert record == {"a": {"b": 1}, "c": None}
    with pytest.raises(ValueError, match="whole"):
        changed({"a": [1]}, {"/a/0": 2})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("R:\n  fires:\n    - record: Nothing\n", "mine.yaml: R, fires 1: 'Nothing'"),
        ("R:\n  burns:\n    - record: Some\n", "mine.yaml: R, burns 1"),
        ("- R", "it must be a mapping"),
        ("a: [", "mine.yaml"),
    ],
)
def test_a_broken_test_file_is_told(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "records.yaml").write_text("Some: {eventName: x}")
    (tmp_path / "tests" / "mine.yaml").write_text(text)
    with pytest.raises(ShippedFileBroken, match=problem):
        read_tests(tmp_path)
