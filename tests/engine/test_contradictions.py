"""A rule that can never match is told, with the parts that exclude each other; no other rule is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecsaudit import engine
from ecsaudit.engine import nodes
from tests.engine import random_rules, random_trees
from tests.engine.random_records import records, whole
from tests.engine.random_trees import written
from tests.engine.tree_walk import holds

CODE = "ECSAUDIT_NEVER_MATCHES"
SETTINGS = settings(deadline=None, database=None, max_examples=150)


def told(text: str) -> list[str]:
    return [f"{one.message} ({one.hint})" for one in engine.compile_condition(text).warnings if one.code == CODE]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ct.name = a and ct.name = b", "'ct.name = a' and 'ct.name = b' exclude each other"),
        ("ct.name = a and json.value[/eventName] = b", "it allows no event name"),
        ("ct.src = a and (ct.user = u and ct.src in (b, c))", "'ct.src = a' and 'ct.src in (b, c)' exclude"),
        ("ct.src in (a, b) and not ct.src in (b, a)", "exclude each other"),
        ("ct.src in (a, b) and not ct.src = a and not ct.src = b", "'ct.src in (a, b)' and 'not ct.src = a' and"),
        ("ct.src = ec2 and ct.src startswith ecs", "exclude each other"),
        ("ct.src = a and not ct.src exists", "exclude each other"),
        ("ct.src contains a and not ct.src contains a", "exclude each other"),
        ("ct.src = val(ct.user) and not ct.src exists", "exclude each other"),
        ("not (ct.src exists or not ct.src = a)", "exclude each other"),
        ("json.value[/a/b] = x and jevt.value[a/b] = y", "exclude each other"),
        ("ct.src = a and (ct.src = b or ct.src = c)", "'ct.src = a' and 'ct.src = b' exclude each other"),
        ("ct.src = allof (a, b)", "is never true"),
        ("ct.src = oneof (a, a)", "is never true"),
        ("ct.src in ()", "is never true (the list is empty)"),
        ("ct.src startswith anyof ()", "is never true (the list is empty)"),
        ("ct.readonly = True", "'ct.readonly = True' is never true (ct.readonly is false or true)"),
        ("ct.readonly in (yes, no)", "ct.readonly is false or true"),
        ("ct.readonly = val(ct.user) and not ct.readonly = true and not ct.readonly = false", "exclude each other"),
        ("ct.request.documentname exists", "the field is always missing"),
        ("evt.asynctype startswith a", "the field is always missing"),
        ("evt.is_async = true", "evt.is_async is False"),
        ("evt.num = 0", "'evt.num = 0' is never true"),
        ("evt.num < 1", "is never true"),
        ("s3.bytes > 10 and s3.bytes < 11", "'s3.bytes > 10' and 's3.bytes < 11' exclude each other"),
        ("s3.bytes > 10 and s3.bytes < 12 and s3.bytes != 11", "exclude each other"),
        ("len(ct.user) > 5 and len(ct.user) in (1, 2)", "exclude each other"),
        ("tolower(ct.name) = DeleteTrail", "no capital letters are left"),
        ("toupper(ct.useragent) contains anyof (cli, boto)", "no small letters are left"),
    ],
)
def test_what_excludes_itself_is_told(text: str, why: str) -> None:
    (warning,) = told(text)
    assert why in warning


@pytest.mark.parametrize(
    "text",
    [
        "evt.num = 0 or ct.name = a",
        "ct.name = a or ct.name = b",
        "not ct.name = a and not ct.name exists",
        "ct.src in (a, b) and not ct.src = a",
        "ct.src = a and (ct.src = b or ct.user = u)",
        "ct.readonly != true",
        "json.value[/readOnly] = True",
        "s3.bytes > 10 and s3.bytes < 12",
        "ct.src startswith a and ct.src startswith b",
        "ct.src = val(ct.user) and ct.src = val(ct.region)",
        "tolower(ct.name) contains anyof (Delete, stop)",
        "ec2.imageids in (a) and ec2.imageids in (b)",
        "json.value[/a] = x and not json.value[/b] = x",
    ],
)
def test_what_can_match_is_not_told(text: str) -> None:
    assert told(text) == []


def test_the_place_is_that_of_the_part_that_makes_it_impossible() -> None:
    rule = "- rule: R\n  desc: d\n  condition: >\n    ct.name = a and\n    executed\n"
    rule += "  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
    macro = "- macro: executed\n  condition: ct.user = u and ct.name = b\n"
    loaded = engine.load_rules([("a.yaml", macro + rule)])
    (warning,) = loaded.warnings
    assert (warning.code, warning.line, warning.column) == (CODE, 7, 5)
    assert "'ct.name = a' and 'ct.name = b' exclude each other" in warning.message


def test_long_lists_are_told_in_short_and_do_not_take_long() -> None:
    many = ", ".join(f"value-{number}" for number in range(20_000))
    (warning,) = told(f"ct.src in ({many}) and ct.src = other")
    assert len(warning) < 300
    assert told(" and ".join(f"ct.src in ({many}, v{number})" for number in range(20))) == []


# One field or two, so that contradictions are frequent.
narrow = st.sampled_from(["eventName", "readOnly", "type"]).flatmap(
    lambda subject: st.recursive(random_rules.checks_of(subject), random_rules.groups, max_leaves=6)
)


@given(st.one_of(narrow, random_rules.plain), st.lists(random_rules.records, min_size=20, max_size=20))
@settings(SETTINGS, max_examples=300)
def test_no_record_meets_a_condition_that_is_told(text: str, texts: list[str]) -> None:
    if told(text):
        tree = engine.parse_condition(text)
        assert not any(holds(tree, record, number) for number, record in enumerate(texts, start=1))


@given(
    random_trees.checks,
    random_trees.checks,
    st.sampled_from([nodes.And, nodes.Or]),
    st.lists(st.one_of(whole, records), min_size=10, max_size=10),
)
@SETTINGS
def test_no_record_meets_checks_of_any_kind_that_are_told(
    one: nodes.Node, other: nodes.Node, joined: type[nodes.And | nodes.Or], texts: list[str]
) -> None:
    for tree in (
        nodes.And((one, nodes.Not(other, 0)), 0),
        joined((one, other), 0),
        nodes.Not(joined((one, other), 0), 0),
    ):
        if told(written(tree)):
            assert not any(holds(tree, record) for record in texts)


def test_random_conditions_are_told_often_and_not_always() -> None:
    found = [bool(told(text)) for text in examples(narrow)]
    assert 0.05 < sum(found) / len(found) < 0.95


def examples(strategy: st.SearchStrategy[str]) -> list[str]:
    found: list[str] = []

    @given(strategy)
    @SETTINGS
    def collect(text: str) -> None:
        found.append(text)

    collect()
    return found
