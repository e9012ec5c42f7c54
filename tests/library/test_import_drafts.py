"""Uploads that wait for their confirmation, and the round trip: exported here, imported elsewhere, the same findings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from ecsaudit import engine
from ecsaudit.library import exporting, import_drafts, uploads
from ecsaudit.library.effective import Effective, EffectiveRules
from ecsaudit.library.importing import Fate
from ecsaudit.library.models import ImportDraft, Library, Mode, RuleSet, Version
from ecsaudit.library.services import LibraryChanged, refresh, switch
from ecsaudit.people.models import User
from tests.library import customised

pytestmark = pytest.mark.django_db
RULE = "- rule: {}\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "cloudtrail"


@pytest.fixture
def small(tmp_path: Path, settings: Settings) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "a.yaml").write_text(RULE.format("A", "ct.name = x"))
    customised.ship()


@pytest.fixture
def shipped(settings: Settings) -> None:
    settings.RULES_DIR = customised.RULES
    customised.ship()


def judging() -> RuleSet:
    rule_set = Library.objects.get().rule_set
    assert rule_set is not None
    return rule_set


def imported(author: User, *files: tuple[str, bytes]) -> import_drafts.Preview:
    """Import files as the screen does it; what it would have done is the answer."""
    draft = import_drafts.keep(files=uploads.read(files).files, author=author)
    found = import_drafts.preview(draft, EffectiveRules().current(), {})
    assert found.plan.problems == []
    import_drafts.take_in(draft=draft, plan=found.plan, author=author, message="from elsewhere", seen=found.seen)
    return found


def emptied() -> None:
    """The library as it is on the first day."""
    Library.objects.all().delete()
    RuleSet.objects.all().delete()
    Version.objects.all().delete()
    refresh()


def judged(effective: Effective) -> list[list[tuple[str, str, str, str]]]:
    texts = customised.some_records()
    if SAMPLE.is_dir():
        texts += [line for path in sorted(SAMPLE.glob("*events*.jsonl")) for line in path.read_text().splitlines()]
    return customised.findings(engine.RuleSet(effective.rules), texts)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("form", ["all", "own"])
def test_what_is_exported_and_imported_on_an_empty_installation_finds_the_same(form: str, ann: User) -> None:
    customised.customise(ann)
    before = EffectiveRules().current()
    found_before = judged(before)
    assert {"ECS Exec by Root", customised.WEIRD} <= {rule for each in found_before for rule, *_ in each}
    zipped, own = exporting.zipped(judging()), exporting.own_text(judging()).encode()

    emptied()
    assert judged(EffectiveRules().current()) != found_before
    imported(ann, ("all.zip", zipped) if form == "all" else ("rules.yaml", own))
    after = EffectiveRules().current()
    assert judged(after) == found_before
    assert {rule.name: rule.enabled for rule in after.rules} == {rule.name: rule.enabled for rule in before.rules}
    assert after.shadows == before.shadows == {customised.SHELL, customised.WEIRD}

    # Once more there is nothing left to do, and what goes out is what came in.
    again = imported(ann, ("all.zip", exporting.zipped(judging())))
    assert {proposal.fate for proposal in again.plan.proposals} == {Fate.SAME}
    assert again.plan.changes == []
    texts = {(each.kind, each.name, each.layer): each.text for each in Version.objects.current()}
    for change in (*customised.OWN, *customised.OVERLAYS):
        assert texts[change.kind, change.name, change.layer] == change.text


@pytest.mark.usefixtures("small")
def test_an_import_is_one_change_with_its_message(ann: User) -> None:
    rule_sets = RuleSet.objects.count()
    text = RULE.format("B", "mine") + "- macro: mine\n  condition: ct.name = y\n" + "- rule: A\n  enabled: false\n"
    imported(ann, ("a.yaml", text.encode()))
    assert RuleSet.objects.count() == rule_sets + 1
    made = Version.objects.filter(message="from elsewhere", author=ann)
    assert {(each.kind, each.name, each.layer) for each in made} == {
        ("rule", "B", "own"),
        ("macro", "mine", "own"),
        ("rule", "A", "switch"),
    }
    assert not ImportDraft.objects.exists()


@pytest.mark.usefixtures("small")
def test_nothing_is_imported_when_the_library_changed_since_it_was_looked_at(ann: User, adam: User) -> None:
    draft = import_drafts.keep(files=[("a.yaml", RULE.format("B", "ct.name = x"))], author=ann)
    found = import_drafts.preview(draft, EffectiveRules().current(), {})
    switch(names=["A"], mode=Mode.OFF, author=adam, message="m")
    with pytest.raises(LibraryChanged):
        import_drafts.take_in(draft=draft, plan=found.plan, author=ann, message="m", seen=found.seen)
    assert not Version.objects.filter(name="B").exists()
    assert ImportDraft.objects.filter(pk=draft.pk).exists()


@pytest.mark.usefixtures("small")
def test_an_author_has_one_draft_and_old_ones_go(ann: User, adam: User) -> None:
    old = import_drafts.keep(files=[], author=adam)
    ImportDraft.objects.update(created_at=timezone.now() - timedelta(days=2))
    first = import_drafts.keep(files=[], author=ann)
    second = import_drafts.keep(files=[("a.yaml", "x")], author=ann)
    assert list(ImportDraft.objects.all()) == [second]
    assert second.pairs == [("a.yaml", "x")]
    assert {old.pk, first.pk}.isdisjoint({second.pk})
