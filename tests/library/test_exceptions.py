"""Exceptions in force: part of the rule set, of the export and of the history, and gone when they end."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from ecsaudit import engine
from ecsaudit.library import exceptions, exporting, import_drafts, services
from ecsaudit.library.composing import EXCEPTIONS_FILE
from ecsaudit.library.effective import EffectiveRules
from ecsaudit.library.exception_texts import Term
from ecsaudit.library.exceptions import ExceptionRefused
from ecsaudit.library.importing import Fate
from ecsaudit.library.models import ExceptionState, Layer, Library, RuleException, RuleSet, Version
from ecsaudit.people.models import User
from tests.records import execute_command

pytestmark = pytest.mark.django_db
RULE = "- rule: {}\n  desc: d\n  condition: ct.name = ExecuteCommand\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
COMMAND = "json.value[/requestParameters/command]"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(RULE.format("Shell"))
    services.refresh()
    return tmp_path


def make(author: User, command: str = "id", **changes: Any) -> RuleException:
    now = changes.get("now", timezone.now())
    fields = {
        "rule": "Shell",
        "terms": [Term(COMMAND, "=", (command,))],
        "owner": "ana",
        "reason": "nightly job",
        "author": author,
        "now": now,
        "expires_at": now + timedelta(days=30),
    }
    return exceptions.make(**fields | changes)


def matching(command: str) -> list[str]:
    record = json.dumps(execute_command(command=command))
    return [match.rule for match in EffectiveRules().current().rule_set.evaluate(record)]


def rule_set() -> RuleSet:
    found = Library.objects.get().rule_set
    assert found is not None
    return found


def test_an_exception_is_part_of_the_rule_set_in_a_file_of_its_own(ann: User) -> None:
    made = make(ann)
    assert (matching("id"), matching("ls")) == ([], ["Shell"])
    assert rule_set().pairs[-1][0] == EXCEPTIONS_FILE
    assert EffectiveRules().current().rules[0].exceptions == (made.name,)
    make(ann, "ls")
    assert (matching("id"), matching("ls"), matching("w")) == ([], [], ["Shell"])


def test_it_stands_in_the_history_of_the_rule_and_in_its_own(ann: User) -> None:
    made = make(ann)
    version = Version.objects.current().get(layer=Layer.EXCEPTIONS)
    assert (version.name, version.author) == ("Shell", ann)
    assert version.message == f"Exception {made.pk} made, until {made.expires_at:%Y-%m-%d %H:%M} UTC: nightly job"
    (line,) = made.history.all()
    assert (line.action, line.by) == ("made", ann)
    assert "saved without a preview" in line.text


def test_one_that_ends_is_gone_from_the_rules_and_the_others_stay(ann: User) -> None:
    made, _ = make(ann), make(ann, "ls")
    ended = exceptions.end(pk=made.pk, state=ExceptionState.WITHDRAWN, by=ann, now=timezone.now(), text="no longer")
    assert ended is not None
    assert (matching("id"), matching("ls")) == (["Shell"], [])
    assert (ended.state, ended.ended_by) == ("withdrawn", ann)
    again = exceptions.end(pk=made.pk, state=ExceptionState.WITHDRAWN, by=ann, now=timezone.now(), text="")
    assert again is None
    assert [line.action for line in made.history.all()] == ["made", "withdrawn"]


def test_without_any_left_the_layer_is_empty(ann: User) -> None:
    made = make(ann)
    exceptions.end(pk=made.pk, state=ExceptionState.WITHDRAWN, by=ann, now=timezone.now(), text="")
    assert not Version.objects.current().filter(layer=Layer.EXCEPTIONS).exists()
    assert [name for name, _ in rule_set().pairs] == ["shipped.yaml"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"terms": []}, "choose one to"),
        ({"terms": [Term(COMMAND, "=", ())]}, "needs a value"),
        ({"terms": [Term(COMMAND, "=", ("",))]}, "needs a value"),
        ({"terms": [Term(COMMAND, "=", ("a", "b"))]}, "and one for the others"),
        ({"terms": [Term(COMMAND, "regex", ("a",))]}, "choose a comparison"),
        ({"terms": [Term(COMMAND, "=", ("a" * 4_001,))]}, "4,000 characters"),
        ({"reason": "  "}, "an owner and a reason"),
        ({"owner": ""}, "an owner and a reason"),
        ({"rule": "Nothing"}, "there is no rule"),
        ({"expires_at": None}, "say when it expires"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "within 365 days"),
        ({"expires_at": timezone.now() + timedelta(days=366)}, "within 365 days"),
    ],
)
def test_what_can_not_be_an_exception_is_refused(ann: User, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ExceptionRefused, match=words):
        make(ann, **changes)
    assert not RuleException.objects.exists()


def test_a_field_that_is_none_is_refused_with_the_engine_s_words_and_nothing_stays(ann: User) -> None:
    before = rule_set()
    with pytest.raises(services.RulesRefused) as refused:
        make(ann, terms=[Term("ct.usr", "=", ("ana",))])
    (problem, *_) = refused.value.problems
    assert "'ct.usr' is not a supported filter field" in problem["message"]
    assert problem["file"] == "exceptions of Shell"
    assert not RuleException.objects.exists()
    assert rule_set() == before


def test_without_an_end_it_must_say_why(ann: User) -> None:
    made = make(ann, expires_at=None, why_no_expiry="the scanner of the company")
    assert (made.expires_at, made.why_no_expiry) == (None, "the scanner of the company")
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleException.objects.filter(pk=made.pk).update(why_no_expiry="")


def test_extending_needs_a_reason_and_moves_the_end(ann: User) -> None:
    made, now = make(ann), timezone.now()
    later = now + timedelta(days=60)
    with pytest.raises(ExceptionRefused, match="say why"):
        exceptions.extend(pk=made.pk, expires_at=later, reason=" ", by=ann, now=now)
    exceptions.extend(pk=made.pk, expires_at=later, reason="still runs", by=ann, now=now)
    made.refresh_from_db()
    assert made.expires_at == later
    assert matching("id") == []
    assert f"{later.isoformat()}" in dict(rule_set().pairs)[EXCEPTIONS_FILE]
    exceptions.end(pk=made.pk, state=ExceptionState.WITHDRAWN, by=ann, now=now, text="")
    with pytest.raises(ExceptionRefused, match="no longer in force"):
        exceptions.extend(pk=made.pk, expires_at=later, reason="again", by=ann, now=now)


def test_one_that_was_extended_meanwhile_does_not_expire(ann: User) -> None:
    made = make(ann)
    soon = timezone.now()
    assert exceptions.end(pk=made.pk, state=ExceptionState.EXPIRED, by=None, now=soon, text="") is None
    assert matching("id") == []
    assert made.expires_at is not None
    ended = exceptions.end(pk=made.pk, state=ExceptionState.EXPIRED, by=None, now=made.expires_at, text="")
    assert ended is not None and ended.state == "expired"
    assert matching("id") == ["Shell"]


def test_while_newer_rules_are_broken_none_ends(ann: User, folder: Path) -> None:
    made = make(ann)
    (folder / "shipped.yaml").write_text(RULE.format("Shell") + "  exceptions: 7\n")
    services.refresh()
    with pytest.raises(ExceptionRefused, match="mend what is wrong"):
        exceptions.end(pk=made.pk, state=ExceptionState.WITHDRAWN, by=ann, now=timezone.now(), text="")
    assert RuleException.objects.get().is_active


def test_the_exceptions_of_a_rule_that_is_gone_wait_for_it(ann: User, folder: Path) -> None:
    make(ann)
    (folder / "shipped.yaml").write_text(RULE.format("Other"))
    assert services.refresh().problems == []
    assert [name for name, _ in rule_set().pairs] == ["shipped.yaml"]
    (folder / "shipped.yaml").write_text(RULE.format("Shell"))
    services.refresh()
    assert matching("id") == []


def test_a_rule_of_which_only_exceptions_are_left_can_be_written_anew_and_not_switched(ann: User, folder: Path) -> None:
    make(ann)
    (folder / "shipped.yaml").write_text(RULE.format("Other"))
    services.refresh()
    with pytest.raises(services.NoSuchItem):
        services.switch(names=["Shell"], mode=services.Mode.OFF, author=ann, message="m")
    text = RULE.format("Shell")
    services.save(kind="rule", name="Shell", layer=Layer.OWN, text=text, author=ann, message="m")
    assert (matching("id"), matching("ls")) == (["Other"], ["Other", "Shell"])


def test_a_version_of_the_layer_is_not_restored(ann: User) -> None:
    make(ann)
    version = Version.objects.get(layer=Layer.EXCEPTIONS)
    with pytest.raises(services.NoSuchItem, match="one by one"):
        services.restore(version=version, author=ann, message="m", expected=version.pk)


def test_falco_s_files_of_the_export_judge_alike(ann: User) -> None:
    make(ann, "cat 'x' (y), z=1")
    loaded = engine.load_rules(exporting.rule_files(rule_set()))
    assert loaded.errors == ()
    for command, expected in (("cat 'x' (y), z=1", []), ("cat", ["Shell"])):
        record = json.dumps(execute_command(command=command))
        assert [match.rule for match in loaded.rule_set.evaluate(record)] == expected
    assert "ecsaudit_" in exporting.own_text(rule_set())
    assert "exceptions made from findings" in exporting.readme(rule_set(), exporting.rule_files(rule_set()))


def imported(author: User, text: str) -> import_drafts.Preview:
    """Take in a file as the import screen does; returns what it told before."""
    draft = import_drafts.keep(files=[("rules.yaml", text)], author=author)
    preview = import_drafts.preview(draft, EffectiveRules().current(), {})
    assert preview.plan.problems == []
    import_drafts.take_in(draft=draft, plan=preview.plan, author=author, message="imported", seen=preview.seen)
    return preview


def test_importing_what_was_exported_here_changes_nothing(ann: User) -> None:
    make(ann)
    make(ann, "ls")
    before, text = rule_set(), exporting.own_text(rule_set())
    preview = imported(ann, text)
    assert [(each.layer, each.fate) for each in preview.plan.proposals] == [(Layer.EXCEPTIONS, Fate.SAME)]
    assert (RuleException.objects.count(), rule_set().pairs) == (2, before.pairs)
    assert not Version.objects.current().filter(layer=Layer.OVERLAY).exists()


def elsewhere() -> None:
    """As if this were another installation: nothing here knows the exceptions."""
    RuleException.objects.all().delete()
    Version.objects.filter(layer=Layer.EXCEPTIONS).delete()
    services.settle(Library.locked())


def test_elsewhere_an_exported_exception_becomes_one_with_its_owner_reason_and_end(ann: User, adam: User) -> None:
    made = make(ann, "a b")
    text = exporting.own_text(rule_set())
    elsewhere()
    kept = make(adam, "ls")
    assert matching("a b") == ["Shell"]
    preview = imported(adam, text)
    assert [(each.layer, each.fate) for each in preview.plan.proposals] == [(Layer.EXCEPTIONS, Fate.EXCEPTED)]
    found = RuleException.objects.exclude(pk=kept.pk).get()
    assert (found.name, found.terms, found.owner, found.reason) == (made.name, made.terms, "ana", "nightly job")
    assert (found.expires_at, found.created_by, found.state) == (made.expires_at, adam, "active")
    assert (matching("a b"), matching("ls"), matching("w")) == ([], [], ["Shell"])
    assert [line.action for line in found.history.all()] == ["imported"]
    # It is a real one here: it ends, and the text goes with it.
    assert found.expires_at is not None
    exceptions.end(pk=found.pk, state=ExceptionState.EXPIRED, by=None, now=found.expires_at, text="")
    assert (matching("a b"), matching("ls")) == (["Shell"], [])


def test_one_that_ended_here_or_is_over_is_not_taken_over(ann: User) -> None:
    made = make(ann)
    text = exporting.own_text(rule_set())
    exceptions.end(pk=made.pk, state=ExceptionState.WITHDRAWN, by=ann, now=timezone.now(), text="")
    preview = imported(ann, text)
    assert preview.plan.proposals == ()
    assert "which is withdrawn here" in preview.plan.left[-1].what
    elsewhere()
    late = text.replace(f"{made.expires_at:%Y-%m-%d}", "2020-01-01")
    preview = imported(ann, late)
    assert preview.plan.proposals == ()
    assert "which expired at 2020-01-01" in preview.plan.left[-1].what
    assert matching("id") == ["Shell"]


def test_a_copy_without_its_comment_does_not_double_what_is_known_here(ann: User) -> None:
    make(ann)
    text = "\n".join(line for line in exporting.own_text(rule_set()).split("\n") if not line.startswith("#"))
    preview = imported(ann, text)
    assert [(each.layer, each.fate) for each in preview.plan.proposals] == [(Layer.EXCEPTIONS, Fate.SAME)]


def test_an_exported_exception_of_a_rule_that_is_not_here_is_told(ann: User, folder: Path) -> None:
    make(ann)
    text = exporting.own_text(rule_set())
    elsewhere()
    (folder / "shipped.yaml").write_text(RULE.format("Other"))
    services.refresh()
    draft = import_drafts.keep(files=[("rules.yaml", text)], author=ann)
    preview = import_drafts.preview(draft, EffectiveRules().current(), {})
    assert [each["message"] for each in preview.plan.problems] == ["there is no rule “Shell” to make an exception of"]
