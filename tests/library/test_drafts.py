from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from ecsaudit.library.drafts import changed, drafted
from ecsaudit.library.effective import rules
from ecsaudit.library.models import Version
from ecsaudit.library.services import refresh

pytestmark = pytest.mark.django_db
RULE = "- rule: {}\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
SHIPPED = "- list: names\n  items: [x]\n- macro: named\n  condition: ct.name in (names)\n"
SHIPPED += RULE.format("A", "named") + RULE.format("B", "ct.name = y")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()


@pytest.mark.parametrize(
    ("kind", "name", "layer", "text", "names"),
    [
        ("list", "names", "overlay", "- list: names\n  items: [z]\n  override: {items: append}\n", ["A"]),
        ("macro", "named", "overlay", "- macro: named\n  condition: ct.name in (names)\n", []),
        ("rule", "B", "overlay", "- rule: B\n  priority: ERROR\n  override: {priority: replace}\n", ["B"]),
        ("rule", "B", "overlay", "- rule: B\n  desc: other words\n  override: {desc: replace}\n", []),
        ("rule", "C", "own", RULE.format("C", "named"), ["C"]),
    ],
)
def test_a_draft_changes_the_rules_that_mean_something_else(
    kind: str, name: str, layer: str, text: str, names: list[str]
) -> None:
    versions = Version.objects.count()
    draft = drafted(kind=kind, name=name, layer=layer, text=text)
    assert draft.errors == []
    assert changed({rule.name: rule for rule in rules.current().rules}, draft.rules) == names
    assert Version.objects.count() == versions


def test_a_rule_that_is_gone_is_changed_too() -> None:
    live = {rule.name: rule for rule in rules.current().rules}
    assert changed(live, {}) == ["A", "B"]
