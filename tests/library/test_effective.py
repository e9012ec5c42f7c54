from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.library.effective import EffectiveRules, RulesBroken
from ecsaudit.library.models import Kind, Layer, Library, Mode, Version
from ecsaudit.library.services import refresh, save, switch
from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db
RULE = "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    return tmp_path


def names(rules: EffectiveRules) -> list[str]:
    refresh()
    return [rule.name for rule in rules.current().rules if rule.enabled]


def test_the_rules_of_a_folder_load() -> None:
    assert names(EffectiveRules()) == [
        "Terminal Shell in ECS Container",
        "Execute Interactive Command inside an ECS Container",
        "Execute Command inside an ECS Container",
    ]
    assert settings.RULES_DIR.name == "rules"


def test_a_changed_added_or_removed_file_is_seen(folder: Path) -> None:
    rules = EffectiveRules()
    assert names(rules) == []
    first, second = folder / "a.yaml", folder / "b.yaml"
    first.write_text(RULE.format(name="A", condition="ct.name = x"))
    assert names(rules) == ["A"]
    second.write_text(RULE.format(name="B", condition="ct.name = x"))
    assert names(rules) == ["A", "B"]
    first.unlink()
    assert names(rules) == ["B"]
    assert [version.text for version in Version.objects.history(Kind.RULE, "A")] == [
        "",
        RULE.format(name="A", condition="ct.name = x"),
    ]


def test_unchanged_rules_are_compiled_once_and_cost_one_query(
    folder: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    (folder / "a.yaml").write_text(RULE.format(name="A", condition="ct.name = x"))
    rules = EffectiveRules()
    first = rules.current()
    # which rule set judges: 1
    with django_assert_num_queries(1):
        assert rules.current() is first


def test_a_save_takes_effect_in_every_process_that_asks(folder: Path, ann: User) -> None:
    (folder / "a.yaml").write_text(RULE.format(name="A", condition="ct.name = x"))
    one, other = EffectiveRules(), EffectiveRules()
    assert names(one) == names(other) == ["A"]
    save(
        kind=Kind.RULE,
        name="B",
        layer=Layer.OWN,
        text=RULE.format(name="B", condition="ct.name = y"),
        author=ann,
        message="m",
    )
    assert names(one) == names(other) == ["A", "B"]
    switch(names=["A"], mode=Mode.OFF, author=ann, message="m")
    assert names(one) == names(other) == ["B"]
    assert one.current().event_names() == {"y"}


def test_errors_of_the_first_rule_set_name_file_line_and_reason(folder: Path) -> None:
    (folder / "mine.yaml").write_text(RULE.format(name="A", condition="ct.nmae = x"))
    with pytest.raises(RulesBroken, match=r"mine\.yaml:3:.*ct\.nmae"):
        EffectiveRules().current()


def test_a_file_that_is_not_text_is_told(folder: Path) -> None:
    (folder / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RulesBroken, match=r"mine\.yaml.*can't be read"):
        EffectiveRules().current()


def test_the_last_good_rule_set_keeps_judging_when_files_break(folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_text(RULE.format(name="A", condition="ct.name = x"))
    rules = EffectiveRules()
    assert names(rules) == ["A"]
    path.write_text(RULE.format(name="A", condition="ct.nmae = x"))
    assert names(rules) == ["A"]
    assert "ct.nmae" in Library.objects.get().problems[0]["message"]
    path.write_text(RULE.format(name="C", condition="ct.name = x"))
    assert names(rules) == ["C"]
    assert Library.objects.get().problems == []
