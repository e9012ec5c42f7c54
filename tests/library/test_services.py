"""Changes of the rule library: what they make, what they refuse, and that a refused one leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.library.effective import EffectiveRules
from ecsaudit.library.models import Kind, Layer, Library, Mode, RuleSet, Version
from ecsaudit.library.services import (
    Change,
    EditConflict,
    LibraryChanged,
    NameTaken,
    NoSuchItem,
    RulesRefused,
    check,
    refresh,
    save,
    save_all,
    switch,
)
from ecsaudit.library.texts import TextRefused, name_in
from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db
SHIPPED = """# The names that count.
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
"""
OVERLAY = "# Only ours.\n- rule: A\n  condition: and ct.user = u\n  override:\n    condition: append\n"
OWN = "- rule: B\n  desc: d\n  condition: interesting\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    return tmp_path


def saved(
    author: User, name: str, layer: Layer, text: str, expected: int | None = None, kind: Kind = Kind.RULE
) -> Version:
    return save(kind=kind, name=name, layer=layer, text=text, author=author, message="because", expected=expected)


def condition(name: str) -> str:
    return next(str(rule.condition.tree) for rule in EffectiveRules().current().rules if rule.name == name)


def test_shipped_items_are_kept_as_they_are_written_with_their_comments() -> None:
    versions = {version.name: version for version in Version.objects.current()}
    assert versions["names"].text == "# The names that count.\n- list: names\n  items: [x]\n"
    assert {name: version.kind for name, version in versions.items()} == {
        "names": "list",
        "interesting": "macro",
        "A": "rule",
    }
    refresh()
    assert Version.objects.count() == 3


def test_an_overlay_changes_a_shipped_rule_which_stays(ann: User) -> None:
    overlay = saved(ann, "A", Layer.OVERLAY, OVERLAY)
    assert condition("A") == "(ct.name in (x) and ct.user = u)"
    shipped = Version.objects.get(name="A", layer=Layer.SHIPPED)
    assert shipped.is_current
    assert (overlay.number, overlay.based_on, overlay.author, overlay.message) == (2, shipped, ann, "because")
    saved(ann, "A", Layer.OVERLAY, "", expected=overlay.pk)
    assert condition("A") == "ct.name in (x)"
    assert [version.number for version in Version.objects.history(Kind.RULE, "A")] == [3, 2, 1]


def test_lists_and_macros_are_customised_too(ann: User) -> None:
    saved(ann, "names", Layer.OVERLAY, "- list: names\n  items: [y]\n  override: {items: append}\n", kind=Kind.LIST)
    assert condition("A") == "ct.name in (x, y)"


def test_a_finding_s_versions_tell_the_overlay_from_the_shipped_text(ann: User) -> None:
    shipped = Version.objects.get(name="A")
    assert EffectiveRules().current().versions == {"A": shipped.pk}
    overlay = saved(ann, "A", Layer.OVERLAY, OVERLAY)
    assert EffectiveRules().current().versions == {"A": overlay.pk}


def test_who_saves_over_another_s_change_is_told_and_nothing_is_overwritten(ann: User, adam: User) -> None:
    first = saved(ann, "A", Layer.OVERLAY, OVERLAY)
    second = saved(adam, "A", Layer.OVERLAY, OVERLAY.replace("= u", "= adam"), expected=first.pk)
    with pytest.raises(EditConflict) as refused:
        saved(ann, "A", Layer.OVERLAY, OVERLAY.replace("= u", "= ann"), expected=first.pk)
    assert refused.value.current == second
    with pytest.raises(EditConflict):
        saved(ann, "A", Layer.OVERLAY, OVERLAY)
    assert condition("A") == "(ct.name in (x) and ct.user = adam)"


def test_a_text_with_errors_is_refused_with_the_place_in_that_text(ann: User) -> None:
    saved(ann, "B", Layer.OWN, OWN)
    before = (Version.objects.count(), RuleSet.objects.count(), Library.objects.get().rule_set_id)
    with pytest.raises(RulesRefused) as refused:
        saved(ann, "C", Layer.OWN, OWN.replace("rule: B", "rule: C").replace("interesting", "ct.nmae = x"))
    (problem,) = refused.value.problems
    assert (problem["file"], problem["line"], problem["name"]) == ("rule C", 3, "C")
    assert "did you mean 'ct.name'?" in problem["hint"]
    assert (Version.objects.count(), RuleSet.objects.count(), Library.objects.get().rule_set_id) == before


def test_a_change_that_breaks_another_item_is_refused(ann: User) -> None:
    macro = saved(ann, "mine", Layer.OWN, "- macro: mine\n  condition: ct.user = u\n", kind=Kind.MACRO)
    saved(ann, "B", Layer.OWN, OWN.replace("interesting", "mine"))
    with pytest.raises(RulesRefused) as refused:
        saved(ann, "mine", Layer.OWN, "", expected=macro.pk, kind=Kind.MACRO)
    assert refused.value.problems[0]["file"] == "rule B"
    assert "mine" in refused.value.problems[0]["message"]
    assert condition("B") == "ct.user = u"


def test_an_overlay_on_a_rule_that_vanished_is_told_and_the_last_good_rule_set_stays(ann: User, folder: Path) -> None:
    overlay = saved(ann, "A", Layer.OVERLAY, OVERLAY)
    (folder / "shipped.yaml").write_text(SHIPPED.replace("rule: A", "rule: Z"))
    (problem,) = refresh().problems
    assert (problem["name"], problem["line"]) == ("A", 2)
    assert condition("A") == "(ct.name in (x) and ct.user = u)"
    # What doesn't mend it is saved all the same; what does puts the new rules in force.
    saved(ann, "B", Layer.OWN, OWN)
    assert condition("A") == "(ct.name in (x) and ct.user = u)"
    saved(ann, "A", Layer.OVERLAY, "", expected=overlay.pk)
    assert [rule.name for rule in EffectiveRules().current().rules] == ["Z", "B"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "- rule: A\n  condition: x\n- rule: C\n  condition: y\n",
            "line 3, column 1: this is the page of the rule “A”, but here is the rule “C”",
        ),
        ("rule: A", "begin each item with '- '"),
        ("[{rule: A}]", "on a line of its own"),
        ("- A", "write '- rule: name'"),
        ("- rule: A\n  condition: 'x", "line 2.*a quote is never closed"),
        ("# nothing", "there is nothing here"),
        ("[" * 5_000, "nested deeper than 50"),
    ],
)
def test_a_text_that_is_no_such_item_is_refused(ann: User, text: str, problem: str) -> None:
    with pytest.raises(TextRefused, match=problem):
        saved(ann, "A", Layer.OVERLAY, text)


def test_two_items_can_not_have_one_name(ann: User) -> None:
    with pytest.raises(NameTaken, match="there is a rule “A” already"):
        saved(ann, "A", Layer.OWN, OWN.replace("rule: B", "rule: A"))


def test_rules_are_switched_in_bulk_and_only_known_ones(ann: User) -> None:
    saved(ann, "B", Layer.OWN, OWN)
    assert switch(names=["A", "B"], mode=Mode.OFF, author=ann, message="noisy") == 2
    assert switch(names=["A", "B"], mode=Mode.OFF, author=ann, message="noisy") == 0
    assert [rule.enabled for rule in EffectiveRules().current().rules] == [False, False]
    assert Version.objects.history(Kind.RULE, "A")[0].message == "noisy"
    with pytest.raises(NoSuchItem, match="there is no rule “Z”"):
        switch(names=["A", "Z"], mode=Mode.ON, author=ann, message="m")
    assert switch(names=["A"], mode=Mode.SHADOW, author=ann, message="m") == 1
    assert EffectiveRules().current().shadows == {"A"}


def test_checking_tells_errors_and_warnings_and_changes_nothing() -> None:
    errors, warnings = check(
        kind=Kind.RULE, name="B", layer=Layer.OWN, text=OWN.replace("interesting", "ct.readonly = yes")
    )
    assert errors == []
    assert [(warning["code"], warning["line"]) for warning in warnings] == [("ECSAUDIT_NEVER_MATCHES", 3)]
    errors, _ = check(kind=Kind.RULE, name="B", layer=Layer.OWN, text=OWN.replace("  desc", " desc"))
    assert errors[0]["line"] == 2
    errors, _ = check(kind=Kind.RULE, name="B", layer=Layer.OWN, text=OWN + "- rule: C\n")
    assert "“C”" in errors[0]["message"]
    assert not Version.objects.filter(name="B").exists()


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (
            OWN.replace("rule: B", "rule: C").replace("interesting", "nowhere"),
            RulesRefused,
            "Undefined macro 'nowhere'",
        ),
        (OWN.replace("rule: B", "rule: D"), TextRefused, "here is the rule “D”"),
    ],
)
def test_several_changes_are_made_together_or_not_at_all(
    ann: User, text: str, error: type[Exception], told: str
) -> None:
    good, bad = Change(Kind.RULE, "B", Layer.OWN, OWN), Change(Kind.RULE, "C", Layer.OWN, text)
    before = (Version.objects.count(), RuleSet.objects.count())
    with pytest.raises(error, match=told):
        save_all(changes=[good, bad], author=ann, message="m", seen=Version.objects.newest())
    assert (Version.objects.count(), RuleSet.objects.count()) == before
    with pytest.raises(LibraryChanged):
        save_all(changes=[good], author=ann, message="m", seen=Version.objects.newest() - 1)
    save_all(changes=[good], author=ann, message="m", seen=Version.objects.newest())
    assert condition("B") == "ct.name in (x)"


def test_several_changes_of_an_item_are_numbered_and_replace_what_was_in_their_layer(ann: User) -> None:
    first = saved(ann, "A", Layer.OVERLAY, OVERLAY)
    changes = [Change(Kind.RULE, "A", Layer.OVERLAY, OVERLAY + "\n"), Change(Kind.RULE, "A", Layer.SWITCH, Mode.OFF)]
    save_all(changes=changes, author=ann, message="m", seen=first.pk)
    shipped = Version.objects.get(name="A", layer=Layer.SHIPPED)
    assert [
        (each.number, each.layer, each.is_current, each.based_on) for each in Version.objects.history(Kind.RULE, "A")
    ] == [
        (4, "switch", True, None),
        (3, "overlay", True, shipped),
        (2, "overlay", False, shipped),
        (1, "shipped", True, None),
    ]


def test_many_changes_cost_as_few_queries_as_one(ann: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    changes = [Change(Kind.LIST, f"l{number}", Layer.OWN, f"- list: l{number}\n  items: []\n") for number in range(50)]
    seen = Version.objects.newest()
    # savepoint 2, library 2 (there, locked), newest version, last numbers, texts in force, new versions, all in force,
    # rule set, library: 11
    with django_assert_num_queries(11):
        save_all(changes=changes, author=ann, message="m", seen=seen)


def test_what_another_process_has_taken_in_meanwhile_makes_no_second_rule_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "shipped.yaml").write_text(SHIPPED.replace("the first", "another"))
    locked = Library.locked

    def after_another(cls: type[Library]) -> Library:
        monkeypatch.setattr(Library, "locked", locked)
        refresh()
        return Library.locked()

    count = RuleSet.objects.count()
    monkeypatch.setattr(Library, "locked", classmethod(after_another))
    refresh()
    assert RuleSet.objects.count() == count + 1


def test_a_file_that_could_not_be_read_for_a_while_leaves_no_problem_behind(folder: Path) -> None:
    (folder / "shipped.yaml").write_bytes(b"\xff")
    assert "can't be read" in refresh().problems[0]["message"]
    (folder / "shipped.yaml").write_text(SHIPPED)
    assert refresh().problems == []


@pytest.mark.parametrize(
    "text",
    [
        SHIPPED.replace("condition: interesting", 'condition: "evt.num = \\0"'),
        SHIPPED.replace("rule: A", 'rule: "a\\0b"'),
        SHIPPED.replace("rule: A", 'rule: "a\\nb"'),
        SHIPPED.replace("rule: A", f"rule: {'x' * 257}"),
    ],
)
def test_shipped_texts_that_no_database_keeps_are_problems_and_the_last_good_rules_stay(
    folder: Path, text: str
) -> None:
    (folder / "shipped.yaml").write_text(text)
    assert refresh().problems[0]["file"] == "shipped.yaml"
    assert Library.objects.get().problems
    assert [rule.name for rule in EffectiveRules().current().rules] == ["A"]


@pytest.mark.parametrize("name", ["a\\0b", "a\\nb", "\\ud800", "x" * 257])
def test_a_name_that_would_not_come_back_as_it_is_is_refused(ann: User, name: str) -> None:
    text = OWN.replace("rule: B", f'rule: "{name}"')
    with pytest.raises(TextRefused):
        name_in("rule", text)
