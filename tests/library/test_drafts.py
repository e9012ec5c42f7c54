"""The rule set with one text in place of another: what it would be, and which rules it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from ecsaudit.library.drafts import changed_rules, drafted
from ecsaudit.library.effective import rules
from ecsaudit.library.models import Layer, Mode, Version
from ecsaudit.library.services import refresh, save, switch
from ecsaudit.library.texts import TextRefused
from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db
SHIPPED = """
- list: names
  items: [x]
- macro: interesting
  condition: ct.name in (names)
- rule: A
  desc: the first
  condition: interesting
  output: a
  priority: INFO
  source: aws_cloudtrail
- rule: B
  desc: the second
  condition: ct.name = other
  output: b
  priority: INFO
  source: aws_cloudtrail
"""
NEW = "- rule: N\n  desc: d\n  condition: interesting\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()


def changed(kind: str, name: str, layer: Layer, text: str) -> list[str]:
    draft = drafted(kind=kind, name=name, layer=layer, text=text)
    assert draft.loaded.errors == ()
    return changed_rules(rules.current().rules, draft.loaded.rules)


@pytest.mark.parametrize(
    ("kind", "name", "text", "names"),
    [
        ("rule", "A", "- rule: A\n  condition: and ct.user = u\n  override: {condition: append}\n", ["A"]),
        ("rule", "A", "- rule: A\n  priority: CRITICAL\n  override: {priority: replace}\n", ["A"]),
        ("rule", "A", "- rule: A\n  tags: [t]\n  override: {tags: replace}\n", ["A"]),
        ("rule", "A", "- rule: A\n  desc: other words\n  override: {desc: replace}\n", []),
        ("rule", "A", "- rule: A\n  enabled: false\n  override: {enabled: replace}\n", []),
        ("list", "names", "- list: names\n  items: [y]\n  override: {items: append}\n", ["A"]),
        ("macro", "interesting", "- macro: interesting\n  condition: or ct.user = u\n  override: {condition: append}\n", ["A"]),
    ],
)  # fmt: skip
def test_the_rules_that_mean_something_else_are_told(kind: str, name: str, text: str, names: list[str]) -> None:
    assert changed(kind, name, Layer.OVERLAY, text) == names


def test_a_new_rule_is_changed_and_so_is_one_that_goes(ann: User) -> None:
    assert changed("rule", "N", Layer.OWN, NEW) == ["N"]
    save(kind="rule", name="N", layer=Layer.OWN, text=NEW, author=ann, message="m")
    assert changed("rule", "N", Layer.OWN, "") == ["N"]
    assert changed("rule", "N", Layer.OWN, NEW) == []
    # Line ends of a browser are none of a text's meaning.
    assert changed("rule", "N", Layer.OWN, NEW.replace("\n", "\r\n")) == []


def test_a_draft_is_compared_whether_its_rule_is_on_or_off_and_nothing_is_saved(ann: User) -> None:
    switch(names=["A"], mode=Mode.OFF, author=ann, message="m")
    count = Version.objects.count()
    overlay = "- rule: A\n  condition: and ct.user = u\n  override: {condition: append}\n"
    assert changed("rule", "A", Layer.OVERLAY, overlay) == ["A"]
    assert Version.objects.count() == count


def test_a_draft_s_rule_set_can_be_kept_as_a_row() -> None:
    row = drafted(kind="rule", name="N", layer=Layer.OWN, text=NEW).rule_set()
    assert [name for name, _ in row.pairs] == ["shipped.yaml", "own.yaml"]
    assert row.versions == {version.name: version.pk for version in Version.objects.filter(kind="rule")}


def test_an_empty_text_where_there_is_nothing_is_refused() -> None:
    with pytest.raises(TextRefused, match="there is nothing here"):
        drafted(kind="rule", name="N", layer=Layer.OWN, text=" \n")
