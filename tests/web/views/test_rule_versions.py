from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from ecsaudit.library.effective import rules
from ecsaudit.library.models import Layer, Version
from ecsaudit.library.services import refresh, save
from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db
RULE = "- rule: A\n  desc: d\n  condition: ct.name = {}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
OVERLAY = "- rule: A\n  condition: ct.name = {}\n  override:\n    condition: replace\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(RULE.format("x"))
    refresh()
    return tmp_path


@pytest.fixture
def versions(ann: User) -> list[Version]:
    """Two overlays of rule A, one after the other."""
    first = save(kind="rule", name="A", layer=Layer.OVERLAY, text=OVERLAY.format("y"), author=ann, message="one")
    second = save(
        kind="rule",
        name="A",
        layer=Layer.OVERLAY,
        text=OVERLAY.format("z"),
        author=ann,
        message="two",
        expected=first.pk,
    )
    return [first, second]


def condition() -> str:
    return str(rules.current().rules[0].condition.tree)


def test_versions_are_compared_side_by_side(as_vera: Client, versions: list[Version]) -> None:
    page = as_vera.get(f"/rules/versions/?left={versions[0].pk}&right={versions[1].pk}").content.decode()
    assert "Versions 2 and 3 of A" in page
    assert "condition: ct.name = y" in page
    assert "condition: ct.name = z" in page
    item = as_vera.get("/rules/item/?kind=rule&name=A").content.decode()
    assert f"/rules/versions/?left={versions[0].pk}&amp;right={versions[1].pk}" in item
    assert "Restore" not in item


def test_an_earlier_version_is_restored_as_a_new_one(as_ann: Client, versions: list[Version]) -> None:
    assert condition() == "ct.name = z"
    data = {"version": versions[0].pk, "expected": versions[1].pk, "message": "back"}
    response = as_ann.post("/rules/versions/restore/", data, follow=True)
    assert "The text of version 2 is in force." in response.content.decode()
    assert condition() == "ct.name = y"
    newest = Version.objects.history("rule", "A")[0]
    assert (newest.number, newest.message, newest.text) == (4, "back", versions[0].text)


def test_restoring_over_what_somebody_saved_meanwhile_changes_nothing(as_ann: Client, versions: list[Version]) -> None:
    data = {"version": versions[0].pk, "expected": versions[0].pk}
    response = as_ann.post("/rules/versions/restore/", data, follow=True)
    assert "Nothing was changed: somebody saved this in the meantime" in response.content.decode()
    assert condition() == "ct.name = z"


def test_a_shipped_version_is_not_restored(as_ann: Client) -> None:
    data = {"version": Version.objects.get().pk, "expected": ""}
    response = as_ann.post("/rules/versions/restore/", data, follow=True)
    assert "clone the rule to keep an earlier one" in response.content.decode()


def test_a_viewer_restores_nothing(as_vera: Client, versions: list[Version]) -> None:
    data = {"version": versions[0].pk, "expected": versions[1].pk}
    assert as_vera.post("/rules/versions/restore/", data).status_code == 403


@pytest.mark.parametrize("query", ["", "?left=1&right=x", "?left=999999&right=999999", "?left=²&right=²"])
def test_versions_that_are_not_there_are_not_found(as_vera: Client, query: str) -> None:
    assert as_vera.get(f"/rules/versions/{query}").status_code == 404


def test_an_update_of_a_customised_rule_is_shown_three_ways_and_kept_or_taken(
    as_ann: Client, versions: list[Version], folder: Path
) -> None:
    (folder / "shipped.yaml").write_text(RULE.format("w"))
    refresh()
    assert "The shipped text was updated" in as_ann.get("/rules/item/?kind=rule&name=A").content.decode()
    page = as_ann.get("/rules/update/?kind=rule&name=A").content.decode()
    for text in ("ct.name = x", "ct.name = w", "ct.name = z", "so there the update has no effect"):
        assert text in page
    data = {"version": versions[1].pk, "expected": versions[1].pk, "message": "kept"}
    as_ann.post("/rules/versions/restore/", data)
    assert as_ann.get("/rules/update/?kind=rule&name=A").status_code == 404
    assert condition() == "ct.name = z"
