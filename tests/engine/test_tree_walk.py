"""For random trees, rules and records: printing and reading again changes nothing, and the engine finds what a slow
and plain walk over the tree finds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecsaudit import engine
from ecsaudit.engine import dispatch, nodes
from tests.engine import random_rules, random_syntax, random_trees
from tests.engine.random_records import documents, records, whole
from tests.engine.random_trees import trees, written
from tests.engine.tree_walk import holds
from tests.engine.walked_record import MISSING, Event

SETTINGS = settings(deadline=None, database=None, max_examples=120)


@given(random_syntax.trees)
@SETTINGS
def test_what_is_printed_is_read_as_the_same_tree(tree: nodes.Node) -> None:
    printed = str(tree)
    read = engine.parse_condition(printed, 1000)
    assert without_places(read) == without_places(tree)
    assert str(read) == printed


@given(trees)
@SETTINGS
def test_what_is_written_in_quotes_is_read_as_the_same_tree(tree: nodes.Node) -> None:
    assert without_places(engine.parse_condition(written(tree), 1000)) == without_places(tree)


def without_places(node: Any) -> Any:
    """A node as nested tuples."""
    if isinstance(node, tuple):
        return tuple(map(without_places, node))
    if not hasattr(node, "at"):
        return node
    kept = [getattr(node, name) for name in node.__slots__ if name not in ("at", "lists")]
    return (type(node).__name__, *map(without_places, kept))


@given(trees, st.lists(records, min_size=1, max_size=5), st.integers(1, 3))
@SETTINGS
def test_a_compiled_condition_finds_what_the_walk_finds(tree: nodes.Node, texts: list[str], number: int) -> None:
    condition = engine.compile_condition(written(tree))
    for text in texts:
        expected = holds(condition.tree, text, number)
        assert condition.matches(text, number) is expected
        assert condition.matches(text.encode(), number) is expected
        assert engine.explain(condition, text, number).result is expected


@given(random_trees.checks, st.lists(whole, min_size=5, max_size=8))
@settings(SETTINGS, max_examples=600)
def test_every_check_finds_what_the_walk_finds(check: nodes.Node, texts: list[str]) -> None:
    condition = engine.compile_condition(written(check))
    assert [condition.matches(text) for text in texts] == [holds(condition.tree, text) for text in texts]


FIELDS = [
    *(nodes.Field(name, None, 0) for name in (*random_trees.TEXTS, *random_trees.COUNTS)),
    *(nodes.Field("json.value", pointer, 0) for pointer in (*random_trees.POINTERS, "")),
    *random_trees.IMAGE_IDS,
]


@given(records, st.integers(1, 3))
@example(r'{"p":["x","a\u0000b"]}', 1)
@settings(SETTINGS, max_examples=300)
def test_every_field_has_the_value_that_the_walk_reads(text: str, number: int) -> None:
    event = Event(text, number)
    expected = {str(field): event.field(field.name, field.argument) for field in FIELDS}
    found = {field: engine.extract(field, text, number) for field in expected}
    assert found == {field: None if value is MISSING else value for field, value in expected.items()}


@pytest.mark.parametrize("text", [r'"\u00e9"', r'"x\ny"', r'"a\u0000b"', r'"\uD800"', r'"\/"'])
def test_resources_are_written_as_in_the_record(text: str) -> None:
    assert engine.extract("ct.resources", f'{{"resources":[{text}]}}') == text


def walked(file: random_rules.RuleFile, texts: list[str]) -> list[list[str]]:
    """The names of the rules that match each record, the first being number 1."""
    macros = {f"m{number}": engine.parse_condition(text) for number, text in enumerate(file.macros)}
    parsed = [engine.parse_condition(text) for text in file.conditions]
    return [
        [f"R{n}" for n, tree in enumerate(parsed) if n not in file.disabled and holds(tree, text, number, macros)]
        for number, text in enumerate(texts, start=1)
    ]


def check_rule_set(file: random_rules.RuleFile, texts: list[str]) -> None:
    """One rule set over all records, twice: what it remembers of one must not show in another."""
    loaded = engine.load_rules([("rules.yaml", file.text())])
    assert loaded.ok, loaded.errors
    expected = walked(file, texts)
    for _ in range(2):
        for number, (text, names) in enumerate(zip(texts, expected, strict=True), start=1):
            assert [match.rule for match in loaded.rule_set.evaluate(text, number)] == names
    # A record that no rule has seen yet, right after one that all have.
    for text in reversed(texts):
        found = [match.rule for match in loaded.rule_set.evaluate(text.encode(), 1)]
        assert found == walked(file, [text])[0]


RULE_RECORDS = st.lists(random_rules.records, min_size=1, max_size=20)


@given(random_rules.rule_files, RULE_RECORDS)
@SETTINGS
def test_rules_that_are_much_alike_match_what_the_walk_matches(file: random_rules.RuleFile, texts: list[str]) -> None:
    check_rule_set(file, texts)


@given(st.lists(trees, min_size=1, max_size=8), st.lists(records, min_size=1, max_size=10))
@SETTINGS
def test_rules_of_any_kind_match_what_the_walk_matches(found: list[nodes.Node], texts: list[str]) -> None:
    # Some rules are for one event name, as real ones are.
    conditions = [
        f"ct.name = {'ab'[n % 2]} and {written(tree)}" if n % 3 else written(tree) for n, tree in enumerate(found)
    ]
    check_rule_set(random_rules.RuleFile(conditions, [], frozenset()), texts)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree of decisions that soon reaches each of its limits."""
    for name, limit in (("_MAX_NODES", 5), ("_MAX_VALUES", 12), ("_MAX_LENGTH", 6), ("_MANY", 3), ("_MAX_GRANT", 60)):
        monkeypatch.setattr(dispatch, name, limit)


@pytest.mark.usefixtures("forgetful")
def test_a_rule_set_that_forgets_matches_what_the_walk_matches() -> None:
    @given(random_rules.rule_files, RULE_RECORDS)
    @SETTINGS
    def check(file: random_rules.RuleFile, texts: list[str]) -> None:
        check_rule_set(file, texts)

    check()


def test_the_pools_make_conditions_and_rules_match_often_and_fail_often() -> None:
    outcomes: Counter[str] = Counter()

    @given(trees, st.one_of(documents, whole), random_rules.rule_files, random_rules.records)
    @settings(deadline=None, database=None, max_examples=100, derandomize=True)
    def collect(tree: nodes.Node, text: str, file: random_rules.RuleFile, record: str) -> None:
        outcomes[f"condition {holds(engine.parse_condition(written(tree), 1000), text)}"] += 1
        matched = len(walked(file, [record])[0])
        outcomes["rule True"] += matched
        outcomes["rule False"] += len(file.conditions) - matched

    collect()
    for kind in ("condition True", "condition False", "rule True", "rule False"):
        assert outcomes[kind] >= 15, outcomes
