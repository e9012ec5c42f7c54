from pathlib import Path

import pytest
from django.conf import settings

from ecsaudit.library.effective import EffectiveRules, RulesBroken

RULE = "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"


def names(rules: EffectiveRules) -> list[str]:
    return [rule.name for rule in rules.current().rules]


def test_the_rules_of_a_folder_load() -> None:
    assert names(EffectiveRules(settings.RULES_DIR)) == [
        "Terminal Shell in ECS Container",
        "Execute Interactive Command inside an ECS Container",
        "Execute Command inside an ECS Container",
    ]


def test_a_changed_added_or_removed_file_is_seen(tmp_path: Path) -> None:
    rules = EffectiveRules(tmp_path)
    assert names(rules) == []
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(RULE.format(name="A", condition="ct.name = x"))
    assert names(rules) == ["A"]
    second.write_text(RULE.format(name="B", condition="ct.name = x"))
    assert names(rules) == ["A", "B"]
    first.unlink()
    assert names(rules) == ["B"]


def test_unchanged_files_are_compiled_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULE.format(name="A", condition="ct.name = x"))
    rules = EffectiveRules(tmp_path)
    assert rules.current() is rules.current()


def test_an_error_names_file_line_and_reason(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RULE.format(name="A", condition="ct.nmae = x"))
    with pytest.raises(RulesBroken, match=r"mine\.yaml:3:.*ct\.nmae"):
        EffectiveRules(tmp_path).current()


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RulesBroken, match=f"{tmp_path.name}/ can't be read"):
        EffectiveRules(tmp_path).current()
