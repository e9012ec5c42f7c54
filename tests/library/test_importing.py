"""What imported files would do: told item by item, with every problem at its place, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

import pytest
from django.utils import timezone
from pytest_django import Settings

from ecsaudit import engine
from ecsaudit.library import exporting
from ecsaudit.library.composing import compose, switched
from ecsaudit.library.importing import MAX_ITEMS, Choice, Fate, Plan, plan
from ecsaudit.library.models import Files, Kind, Layer, Library, Mode, RuleException, Version
from ecsaudit.library.services import refresh, save, switch
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
RULE = "- rule: {}\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
OVERLAY = "- rule: A\n  condition: and ct.user = u\n  override:\n    condition: append\n"
OFF = "- rule: A\n  enabled: false\n  override:\n    enabled: replace\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    return tmp_path


def planned(*texts: str, choices: Mapping[int, str] | None = None, **modes: str) -> Plan:
    files: Files = [(f"{number}.yaml", text) for number, text in enumerate(texts, 1)]
    library = Library.objects.get()
    return plan(
        files,
        shipped=library.shipped_files,
        current=Version.objects.current(),
        modes={"A": Mode.ON} | modes,
        known_problems=library.problems,
        choices=choices or {},
        exceptions=dict(RuleException.objects.values_list("name", "state")),
        now=timezone.now(),
    )


def told(found: Plan) -> list[tuple[str, str, str]]:
    return [(proposal.name, proposal.fate, proposal.layer) for proposal in found.proposals]


def saved(author: User, name: str, layer: Layer, text: str, kind: Kind = Kind.RULE) -> Version:
    return save(kind=kind, name=name, layer=layer, text=text, author=author, message="because")


def test_the_shipped_files_again_change_nothing() -> None:
    found = planned(SHIPPED.replace("# The names", "# Other names"))
    assert told(found) == [(name, Fate.SAME, "overlay") for name in ("names", "interesting", "A")]
    assert (found.changes, found.problems, found.warnings) == ([], [], [])


def test_a_new_item_becomes_an_own_one_with_all_its_parts_and_comments_in_order() -> None:
    text = "# Ours.\n\n# Above B.\n" + RULE.format("B", "interesting")
    more = "# More of B.\n- rule: B\n  tags: [t]\n  override: {tags: append}\n\n# The end.\n"
    found = planned(text, more)
    assert told(found) == [("B", Fate.NEW, "own")]
    (change,) = found.changes
    assert change.text == f"{text}\n{more}"
    assert found.proposals[0].places == ["1.yaml:3", "2.yaml:1"]
    assert found.problems == []


def test_an_append_or_override_becomes_an_overlay() -> None:
    found = planned(OVERLAY + "\n# Twice.\n" + OVERLAY.replace("= u", "!= v"))
    assert told(found) == [("A", Fate.CUSTOMISED, "overlay")]
    assert found.changes[0].text == OVERLAY + "\n# Twice.\n" + OVERLAY.replace("= u", "!= v")
    assert found.problems == []


def test_another_text_of_a_shipped_item_is_a_redefinition_that_one_can_leave() -> None:
    text = RULE.format("A", "ct.name = z")
    found = planned(text)
    assert told(found) == [("A", Fate.REDEFINED, "overlay")]
    (proposal,) = found.proposals
    assert "desc: the first" in proposal.ours
    assert [value for value, _ in proposal.choices] == [Choice.THEIRS, Choice.OURS]
    assert found.changes[0].text == text
    assert planned(text, choices={1: Choice.OURS}).changes == []


def test_another_text_of_an_own_item_changes_it(ann: User) -> None:
    saved(ann, "B", Layer.OWN, RULE.format("B", "interesting"))
    assert told(planned(RULE.format("B", "interesting"))) == [("B", Fate.SAME, "overlay")]
    found = planned(RULE.format("B", "ct.name = z"))
    assert told(found) == [("B", Fate.CHANGED, "own")]
    assert found.proposals[0].ours == RULE.format("B", "interesting")


def test_an_overlay_that_is_there_is_known_with_the_item_or_without(ann: User) -> None:
    saved(ann, "A", Layer.OVERLAY, OVERLAY)
    for text in (OVERLAY, SHIPPED + "\n" + OVERLAY):
        assert {fate for _, fate, _ in told(planned(text))} == {Fate.SAME}


def test_another_overlay_replaces_ours_or_stands_behind_it_or_is_left(ann: User) -> None:
    saved(ann, "A", Layer.OVERLAY, OVERLAY)
    theirs = OVERLAY.replace("= u", "!= v")
    (proposal,) = planned(theirs).proposals
    assert [value for value, _ in proposal.choices] == [Choice.THEIRS, Choice.BOTH, Choice.OURS]
    texts = [[change.text for change in planned(theirs, choices={1: choice}).changes] for choice in Choice]
    assert texts == [[theirs], [f"{OVERLAY}\n{theirs}"], []]


def test_ours_with_something_behind_it_is_told_as_what_is_behind(ann: User) -> None:
    saved(ann, "A", Layer.OVERLAY, OVERLAY)
    more = "- rule: A\n  tags: [t]\n  override: {tags: append}\n"
    (proposal,) = planned(OVERLAY + more).proposals
    assert (str(proposal.theirs), proposal.both) == (f"{OVERLAY}\n{more}", None)
    assert [value for value, _ in proposal.choices] == [Choice.THEIRS, Choice.OURS]


def test_a_changed_own_item_does_not_take_the_overlay_in_twice(ann: User) -> None:
    saved(ann, "B", Layer.OWN, RULE.format("B", "interesting"))
    exception = "- rule: B\n  exceptions: [{name: e, fields: ct.user, values: [u]}]\n  override: {exceptions: append}\n"
    saved(ann, "B", Layer.OVERLAY, exception)
    found = planned(RULE.format("B", "ct.name = z") + exception)
    assert [change.text for change in found.changes] == [RULE.format("B", "ct.name = z")]
    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (OFF, Mode.OFF),
        ("- rule: A\n  enabled: no\n", Mode.OFF),
        (f"{exporting.SHADOW_MARK}, as it was\n{OFF}", Mode.SHADOW),
        (OFF + OFF.replace("false", "true") + OFF, Mode.OFF),
    ],
)
def test_enabling_alone_is_a_switch_and_the_last_one_counts(text: str, mode: Mode) -> None:
    found = planned(text)
    assert told(found) == [("A", Fate.SWITCHED, "switch")]
    assert [(change.layer, change.text) for change in found.changes] == [(Layer.SWITCH, mode)]
    assert found.problems == []


def test_a_switch_is_undone_by_a_later_definition_as_in_falco() -> None:
    found = planned(OFF, SHIPPED)
    assert {fate for _, fate, _ in told(found)} == {Fate.SAME}
    assert [(left.file, left.line, left.what) for left in found.left] == [
        ("1.yaml", 1, "a switch of “A”, which is defined again below")
    ]
    (problem,) = planned(OFF.replace("A", "B"), RULE.format("B", "interesting")).problems
    assert (problem["file"], problem["line"]) == ("1.yaml", 1)
    assert "it must be defined before" in problem["message"]


def test_a_switch_behind_another_text_counts_even_if_the_rule_is_in_that_state_now() -> None:
    text = RULE.format("A", "ct.name = z") + "  enabled: false\n" + OFF.replace("false", "true")
    assert told(planned(text)) == [("A", Fate.REDEFINED, "overlay"), ("A", Fate.SWITCHED, "switch")]


def test_a_switch_to_what_is_already_changes_nothing(ann: User) -> None:
    assert told(planned(OFF.replace("false", "true"))) == [("A", Fate.SAME, "switch")]
    switch(names=["A"], mode=Mode.OFF, author=ann, message="m")
    assert told(planned(OFF)) == [("A", Fate.SAME, "switch")]


def test_a_rule_and_its_switch_are_two_proposals_and_a_switch_needs_its_rule() -> None:
    text = RULE.format("B", "interesting") + "# Loud.\n" + OFF.replace("A", "B")
    found = planned(text)
    assert told(found) == [("B", Fate.NEW, "own"), ("B", Fate.SWITCHED, "switch")]
    assert found.problems == []
    assert [(left.line, left.what) for left in found.left] == [
        (7, "the comments on this switch: only the switch is kept")
    ]
    (problem,) = planned(text, choices={1: Choice.OURS}).problems
    assert (problem["file"], problem["line"], problem["message"]) == ("1.yaml", 7, "there is no rule “B” to switch")


def test_a_switch_of_ours_stays_and_is_told(ann: User) -> None:
    switch(names=["A"], mode=Mode.SHADOW, author=ann, message="m")
    text = RULE.format("A", "ct.name = z")
    assert planned(text).proposals[0].switched == "Shadow"
    assert planned(text + OFF).proposals[0].switched == ""


def test_versions_are_checked_and_not_kept_and_their_comments_are() -> None:
    text = "# Licence.\n- required_engine_version: {}\n# Why.\n\n- surprise: 1\n" + RULE.format("B", "interesting")
    found = planned(text.format("0.31.0"))
    assert [(left.line, left.what.partition(":")[0]) for left in found.left] == [
        (1, "required_engine_version"),
        (5, "no list, macro or rule"),
    ]
    assert found.changes[0].text.startswith("# Licence.\n# Why.\n\n- rule: B\n")
    assert [(warning["code"], warning["line"]) for warning in found.warnings] == [("LOAD_UNKNOWN_ITEM", 5)]
    (problem,) = planned(text.format("9.0.0")).problems
    assert (problem["file"], problem["line"]) == ("1.yaml", 2)
    assert "Rules require engine version 9.0.0" in problem["message"]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("rule: A", 1, 1, "a rule file is a list of items"),
        ("- rule: A\n  desc: 'x", 2, 11, "while scanning a quoted scalar"),
        ("# x\n\n\n" + RULE.format("B", "ct.nmae = x"), 6, 14, "nonexistent field ct.nmae"),
        ("  " + RULE.format("B", "ct.nmae = x").replace("\n", "\n  ").rstrip(), 3, 16, "nonexistent field ct.nmae"),
        (RULE.format("B", "nowhere"), 3, 14, "Undefined macro 'nowhere'"),
        ("- rule: B\n  tags: [t]\n  override: {tags: append}\n", 1, 3, "no rule by that name already exists"),
        ('- rule: "a\\0b"\n', 1, 1, "a name must have 1 to 256 characters"),
        (RULE.format("B" * 257, "interesting"), 1, 1, "a name must have 1 to 256 characters"),
        ("- rule: [B]\n", 1, 9, "Value is not a scalar value"),
        (RULE.format("B", "&here interesting") + RULE.format("C", "*here"), 9, 14, "undefined alias"),
        ("- macro: interesting\n  condition: ct.name\n", 2, 21, "valid check operator"),
        ("- list: names\n  items: x\n", 2, 10, "Value is not a sequence"),
    ],
)
def test_a_problem_is_told_at_its_place_in_the_file(text: str, line: int, column: int, message: str) -> None:
    found = planned("- list: fine\n  items: []\n", text)
    problem = found.problems[0]
    assert message in problem["message"]
    assert (problem["file"], problem["line"], problem["column"]) == ("2.yaml", line, column)


def test_every_problem_of_every_file_is_told() -> None:
    found = planned(RULE.format("B", "ct.nmae = x"), RULE.format("C", "ct.usr = x") + RULE.format("D", "a or"))
    assert [(problem["file"], problem["line"]) for problem in found.problems] == [
        ("1.yaml", 3),
        ("2.yaml", 3),
        ("2.yaml", 9),
    ]


def test_what_an_import_breaks_elsewhere_is_told_at_the_broken_item(ann: User) -> None:
    saved(ann, "B", Layer.OWN, RULE.format("B", "interesting"))
    found = planned("- macro: interesting\n  condition: ct.name exists\n- list: names\n  items: []\n")
    assert found.problems == []
    found = planned("- list: interesting\n  items: [x, y]\n")
    assert {problem["file"] for problem in found.problems} >= {"rule B"}


def test_problems_that_the_library_has_already_are_not_the_import_s(folder: Path, ann: User) -> None:
    saved(ann, "A", Layer.OVERLAY, OVERLAY)
    (folder / "shipped.yaml").write_text(SHIPPED.replace("rule: A", "rule: Z"))
    assert refresh().problems
    found = planned(RULE.format("B", "interesting"))
    assert (found.problems, told(found)) == ([], [("B", Fate.NEW, "own")])


def test_warnings_of_what_is_taken_are_told_at_their_place() -> None:
    (warning,) = planned("# x\n" + RULE.format("B", "ct.readonly = yes")).warnings
    assert (warning["code"], warning["file"], warning["line"]) == ("ECSAUDIT_NEVER_MATCHES", "1.yaml", 4)


def test_indented_items_are_moved_to_the_margin() -> None:
    found = planned(
        "---\n  # Ours.\n  - rule: B\n"
        + "\n".join("  " + each for each in RULE.format("B", "interesting").split("\n")[1:])
    )
    assert found.changes[0].text == "# Ours.\n\n" + RULE.format("B", "interesting")
    assert found.problems == []


def test_macros_may_use_one_another_in_any_order_of_names() -> None:
    found = planned("- macro: z\n  condition: ct.user = u\n- macro: b\n  condition: z or interesting\n")
    assert found.problems == []
    assert told(found) == [("z", Fate.NEW, "own"), ("b", Fate.NEW, "own")]


def test_comments_go_with_the_item_that_they_stand_at_or_before() -> None:
    first, second = RULE.format("B", "interesting"), RULE.format("C", "interesting")
    text = f"{first}# Behind B.\n\n# A section.\n# Its second line.\n\n# Above C.\n{second}\n# The end.\n"
    found = planned(text)
    assert [change.text for change in found.changes] == [
        f"{first}# Behind B.\n",
        f"# A section.\n# Its second line.\n\n# Above C.\n{second}\n# The end.\n",
    ]


def test_what_an_export_adds_is_left_out_again() -> None:
    own = "# Mine.\n\n# Above.\n" + RULE.format("B", "interesting")
    text = f"{exporting.MARK}own\n\n{own}\n{exporting.MARK}customised\n\n# Why.\n\n{OVERLAY}"
    assert [change.text for change in planned(text).changes] == [own, f"# Why.\n\n{OVERLAY}"]


def test_too_many_items_are_told_and_not_looked_at() -> None:
    found = planned("- list: a\n  items: []\n" * (MAX_ITEMS + 1))
    assert "2001 items" in found.problems[0]["message"]
    assert found.changes == []


def some_item(random: Random) -> str:
    """An item that defines, changes or switches something that may be there."""
    name, number = random.choice("ABC"), random.randint(1, 9)
    condition = random.choice(
        ["interesting and ct.id = {}", "not mine or ct.id = {}", "ct.id = {} and ct.user in (names, more)"]
    )
    return random.choice(
        [
            RULE.format(name, condition.format(number)),
            RULE.format(name, condition.format(number)) + "  enabled: false\n  tags: [t]\n",
            f"- rule: {name}\n  condition: and ct.region = {number}\n  override: {{condition: append}}\n",
            f"- rule: {name}\n  exceptions: [{{name: e, fields: ct.user, values: [{number}]}}]\n"
            "  override: {exceptions: append}\n",
            f"- rule: {name}\n  tags: [t{number}]\n  override: {{tags: {random.choice(['append', 'replace'])}}}\n",
            f"- rule: {name}\n  enabled: {random.choice(['no', 'yes'])}\n",
            f"- macro: mine\n  condition: ct.src = {number} or interesting\n",
            f"- macro: interesting\n  condition: or ct.src = {number}\n  append: true\n",
            f"- list: names\n  items: [{number}]\n  override: {{items: append}}\n",
            f"- list: more\n  items: [names, {number}]\n",
        ]
    )


def meaning(rule_set: Iterable[engine.Rule]) -> list[tuple[object, ...]]:
    return sorted((rule.name, rule.enabled, str(rule.condition.tree), rule.tags) for rule in rule_set)


@pytest.mark.parametrize("seed", range(5))
def test_an_import_means_what_falco_makes_of_the_files_behind_the_rules(seed: int) -> None:
    random = Random(seed)
    shipped = Library.objects.get().shipped_files
    current = list(Version.objects.current())
    taken = 0
    for _ in range(60):
        text = "".join(some_item(random) for _ in range(random.randint(1, 6)))
        falco = engine.load_rules([*shipped, ("1.yaml", text)])
        found = plan(
            [("1.yaml", text)],
            shipped=shipped,
            current=current,
            modes={"A": Mode.ON},
            known_problems=[],
            choices={},
            exceptions={},
            now=timezone.now(),
        )
        assert bool(found.problems) == bool(falco.errors), text
        if falco.errors:
            continue
        taken += 1
        made = [Version(kind=each.kind, name=each.name, layer=each.layer, text=each.text) for each in found.changes]
        composed = compose(shipped, [*current, *made])
        assert meaning(switched(engine.load_rules(composed.files).rules, composed.modes)) == meaning(falco.rules), text
    assert taken > 10
