"""An exported rule set: Falco files that load anywhere, and judge as the library does."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from pytest_django import Settings

from ecsaudit import engine
from ecsaudit.engine.command_line.main import main
from ecsaudit.library import exporting
from ecsaudit.library.effective import EffectiveRules
from ecsaudit.library.models import Library, Mode, RuleSet
from ecsaudit.library.services import switch
from ecsaudit.people.models import User
from tests.library import customised

pytestmark = pytest.mark.django_db
SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "cloudtrail"
WEIRD = customised.WEIRD


@pytest.fixture
def rule_set(settings: Settings, ann: User) -> RuleSet:
    settings.RULES_DIR = customised.RULES
    customised.ship()
    customised.customise(ann)
    found = Library.objects.get().rule_set
    assert found is not None
    return found


@pytest.fixture
def folder(rule_set: RuleSet, tmp_path: Path) -> Path:
    """The exported zip, unpacked: its folder of rules."""
    with zipfile.ZipFile(io.BytesIO(exporting.zipped(rule_set))) as archive:
        archive.extractall(tmp_path)
    return tmp_path / exporting.FOLDER


def evaluated(capsys: pytest.CaptureFixture[str], folder: Path, events: Path) -> list[tuple[str, str]]:
    assert main(["eval", "--rules", str(folder), "--json", str(events)]) == 0
    return [(alert["rule"], alert["output"]) for alert in map(json.loads, capsys.readouterr().out.splitlines())]


def live(events: Path) -> list[tuple[str, str]]:
    """What the library finds; rules in the shadow or off only count, and Falco leaves them out."""
    effective = EffectiveRules().current()
    return [
        (match.rule, match.output)
        for line in events.read_text().splitlines()
        for match in effective.rule_set.evaluate(line)
        if match.rule not in effective.quiet
    ]


def test_the_check_is_as_clean_as_the_library_s(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    warnings = len(EffectiveRules().current().loaded.warnings)
    assert last.startswith(f"0 errors, {warnings} warning")


def test_it_judges_as_the_library_does(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text("\n".join(customised.some_records()))
    found = evaluated(capsys, folder, events)
    assert [rule for rule, _ in found] == [rule for rule, _ in live(events)]
    assert {"no", "ECS Exec by Root"} & {rule for rule, _ in found}
    assert {WEIRD, customised.SHELL}.isdisjoint({rule for rule, _ in found})


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="../shared/data/cloudtrail is not there")
@pytest.mark.parametrize("name", ["exec_events.jsonl", "exec_events_made.jsonl", "other_events.jsonl"])
def test_it_judges_the_sample_as_the_library_does_file_by_file(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [rule for rule, _ in evaluated(capsys, folder, SAMPLE / name)] == [rule for rule, _ in live(SAMPLE / name)]


def test_rules_outputs_and_tags_are_the_same_whatever_is_switched(folder: Path) -> None:
    exported = engine.load_rules([(path.name, path.read_text()) for path in sorted(folder.iterdir())])
    effective = EffectiveRules().current()
    everything = [
        [(rule.name, rule.priority, rule.description, str(rule.condition.tree), rule.output_text, rule.tags) for rule in rules]
        for rules in (exported.rules, effective.rules)
    ]  # fmt: skip
    assert everything[0] == everything[1]
    states = {rule.name: rule.enabled for rule in exported.rules}
    assert states == {rule.name: rule.enabled and rule.name not in effective.shadows for rule in effective.rules}


def test_shipped_files_are_as_they_are_and_come_first(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names[-3:] == ["010_own.yaml", "011_overlays.yaml", "012_switches.yaml"]
    for number, path in enumerate(customised.shipped(), 1):
        assert (folder / f"{number:03d}_{path.name}").read_bytes() == path.read_bytes()


def test_own_texts_are_kept_with_comments_and_order(folder: Path) -> None:
    own = (folder / "010_own.yaml").read_text()
    assert all(change.text in own for change in customised.OWN)
    assert own.index("- macro: zz_ours") < own.index("- macro: a_ours")
    overlays = (folder / "011_overlays.yaml").read_text()
    assert all(change.text in overlays for change in customised.OVERLAYS)


def test_switches_are_told_in_falco_s_words_and_shadows_by_a_comment(folder: Path) -> None:
    text = (folder / "012_switches.yaml").read_text()
    assert (
        "- rule: Execute Command inside an ECS Container\n  enabled: false\n  override:\n    enabled: replace\n" in text
    )
    assert "- rule: 'no'\n  enabled: true\n" in text
    assert text.count(exporting.SHADOW_MARK) == 2
    assert {item.name for item in engine.item_texts(text)} >= {WEIRD, customised.SHELL}


def test_the_same_rule_set_gives_the_same_bytes(rule_set: RuleSet) -> None:
    again = RuleSet.objects.get(pk=rule_set.pk)
    assert exporting.zipped(again) == exporting.zipped(rule_set)


def test_the_zip_says_what_it_is(rule_set: RuleSet, folder: Path) -> None:
    text = (folder.parent / "README.txt").read_text()
    assert f"rule set {rule_set.pk}" in text
    assert "001_base.yaml: shipped" in text
    assert "011_overlays.yaml: customised items" in text


def test_own_text_alone_loads_behind_the_shipped_files(rule_set: RuleSet) -> None:
    shipped = [(path.name, path.read_text()) for path in customised.shipped()]
    text = exporting.own_text(rule_set)
    assert f"rule set {rule_set.pk}" in text.splitlines()[0]
    loaded = engine.load_rules([*shipped, ("rules.yaml", text)])
    assert loaded.errors == ()
    together = engine.load_rules(exporting.rule_files(rule_set))
    texts = customised.some_records()
    assert customised.findings(loaded.rule_set, texts) == customised.findings(together.rule_set, texts)


def test_a_switch_of_a_rule_that_is_gone_is_left_out(settings: Settings, tmp_path: Path, ann: User) -> None:
    settings.RULES_DIR = tmp_path
    rule = "- rule: {}\n  desc: d\n  condition: ct.name = x\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
    (tmp_path / "a.yaml").write_text(rule.format("A") + rule.format("B"))
    customised.ship()
    switch(names=["A", "B"], mode=Mode.OFF, author=ann, message="m")
    (tmp_path / "a.yaml").write_text(rule.format("B"))
    customised.ship()
    rule_set = Library.objects.get().rule_set
    assert rule_set is not None
    assert engine.load_rules(exporting.rule_files(rule_set)).errors == ()
    assert "rule: A" not in exporting.own_text(rule_set)
