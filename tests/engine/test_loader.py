from __future__ import annotations

import pytest

from ecsaudit import engine

RULE = """\
- rule: R
  desc: d
  condition: {condition}
  output: "user=%ct.user"
  priority: WARNING
  source: aws_cloudtrail
"""


def rule(condition: str) -> str:
    return RULE.format(condition=condition)


def load(*texts: str) -> engine.LoadResult:
    return engine.load_rules([(f"{number}.yaml", text) for number, text in enumerate(texts, 1)])


def condition_of(loaded: engine.LoadResult, name: str = "R") -> str:
    assert loaded.ok, [str(problem) for problem in loaded.errors]
    return next(str(found.condition.tree) for found in loaded.rules if found.name == name)


def test_all_problems_of_all_items_are_collected() -> None:
    loaded = load(
        "- list: a\n",
        "- rule: R\n  condition: ct.nmae = x\n  output: 100%\n  priority: HIGH\n",
        rule("ct.name contians x"),
    )
    assert [(problem.file, problem.line, problem.message[:40]) for problem in loaded.errors] == [
        ("1.yaml", 1, "Item has no mapping for key 'items'"),
        ("2.yaml", 1, "Item has no mapping for key 'desc'"),
        ("2.yaml", 4, "Invalid priority"),
        ("3.yaml", 3, "expected a valid check operator: one of "),
    ]
    assert not loaded.ok


def test_a_problem_points_into_the_authors_own_text() -> None:
    (problem,) = load(rule(">\n    ct.name = x\n    and ct.usr exists")).errors
    assert (problem.line, problem.column) == (5, 9)
    assert problem.snippet == "    and ct.usr exists\n        ^"
    assert problem.hint == "did you mean 'ct.user'?"
    assert problem.rule_name == "R"
    assert (problem.code, problem.item_type) == ("LOAD_ERR_COMPILE_CONDITION", "condition expression")


def test_a_problem_in_an_appended_condition_points_to_the_appending_item() -> None:
    appended = "- rule: R\n  condition: and ct.usr exists\n  override:\n    condition: append\n"
    (problem,) = load(rule("ct.name = x"), appended).errors
    assert (problem.file, problem.line, problem.column) == ("2.yaml", 2, 18)


def test_a_problem_behind_a_list_points_behind_the_lists_name() -> None:
    shells = "- list: shells\n  items: [/bin/sh, /bin/bash]\n"
    (problem,) = load(shells + rule("ct.name in (shells) and ct.usr exists")).errors
    assert problem.column == 14 + len("ct.name in (shells) and ")


def test_lists_are_replaced_at_every_level_and_macros_keep_their_precedence() -> None:
    text = (
        "- list: a\n  items: [x]\n- list: b\n  items: [a, y z]\n- list: c\n  items: [b]\n"
        "- macro: either\n  condition: ct.name in (c) or ct.user = u\n"
    )
    assert condition_of(load(text + rule("not either"))) == 'not (ct.name in (x, "y z") or ct.user = u)'


@pytest.mark.parametrize("values", ["[[a, [b, c]]]", "\n        - [a, [b, c]]"])
def test_an_exception_with_columns_excludes_rows(values: str) -> None:
    text = rule("ct.name = x") + (
        f"  exceptions:\n    - name: e\n      fields: [ct.user, ct.region]\n      comps: [=, in]\n      values: {values}\n"
    )
    assert condition_of(load(text)) == "(ct.name = x and not (ct.user = a and ct.region in (b, c)))"


def test_an_exception_with_one_field_excludes_values() -> None:
    text = rule("ct.name = x") + "  exceptions:\n    - {name: e, fields: ct.user, values: [a, b c]}\n"
    assert condition_of(load(text)) == '(ct.name = x and not ct.user in (a, "b c"))'


def test_later_files_override_and_append() -> None:
    change = """\
- rule: R
  condition: and ct.user = u
  tags: [b]
  priority: info
  enabled: no
  override: {condition: append, tags: append, priority: replace, enabled: replace}
"""
    loaded = load(rule("ct.name = x") + "  tags: [a]\n", change)
    (found,) = loaded.rules
    assert (condition_of(loaded), found.tags, found.priority, found.enabled) == (
        "(ct.name = x and ct.user = u)",
        ("a", "b"),
        "Informational",
        False,
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("- list: unused\n  items: [x]\n", "LOAD_UNUSED_LIST"),
        ("- macro: unused\n  condition: ct.name = x\n", "LOAD_UNUSED_MACRO"),
        ("- colour: blue\n", "LOAD_UNKNOWN_ITEM"),
        (rule("ct.name = x") + "  severity: high\n", "LOAD_UNKNOWN_KEY"),
        (rule("ct.name = x").replace("aws_cloudtrail", "k8s_audit"), "LOAD_UNKNOWN_SOURCE"),
        ("- list: prod\n  items: [x]\n" + rule('ct.user = "my prod c"'), "ECSAUDIT_LIST_IN_QUOTES"),
        ("- list: prod\n  items: [x]\n" + rule("ct.user = prod"), "ECSAUDIT_LIST_AS_VALUE"),
        (rule("ct.name = a and ct.name = b"), "ECSAUDIT_NEVER_MATCHES"),
    ],
)
def test_what_loads_but_is_odd_is_warned_of(text: str, code: str) -> None:
    loaded = load(text)
    assert loaded.ok
    assert [problem.code for problem in loaded.warnings] == [code]


def test_a_rule_without_a_source_is_told_to_name_cloudtrail() -> None:
    loaded = load(rule("ct.name = x").replace("  source: aws_cloudtrail\n", ""))
    assert loaded.ok
    assert "source: aws_cloudtrail" in loaded.warnings[0].hint
    assert not loaded.rules


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rule("nosuch and ct.name = x"), "Undefined macro 'nosuch' used in filter."),
        ("- macro: a\n  condition: b\n- macro: b\n  condition: ct.name = x\n", "Undefined macro 'b' used in filter."),
        ("- macro: a\n  condition: a\n", "Undefined macro 'a' used in filter."),
        ("a: b\n", "Rules content is not yaml array of objects"),
        ("- x\n", "Unexpected element type. Each element should be a yaml associative array."),
        ("- required_engine_version: 9999\n", "Rules require engine version 0.9999.0, but engine version is 0.63.0"),
        ("- list: a\n  items: [~]\n", "sequence value is not scalar"),
    ],
)
def test_what_falco_refuses_is_refused_in_its_words(text: str, message: str) -> None:
    assert message in [problem.message for problem in load(text).errors]


def test_a_macro_with_an_error_is_no_further_error_where_it_is_used() -> None:
    loaded = load("- macro: m\n  condition: ct.name = = x\n" + rule("m and ct.user exists"))
    assert [problem.line for problem in loaded.errors] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "- macro: m0\n  condition: ct.name=x\n"
        + "".join(f"- macro: m{n}\n  condition: m{n - 1} and m{n - 1}\n" for n in range(1, 60)),
        "- macro: m0\n  condition: ct.name=x\n"
        + "".join(f"- macro: m{n}\n  condition: not m{n - 1}\n" for n in range(1, 500)),
        "- list: l0\n  items: [x, y]\n"
        + "".join(f"- list: l{n}\n  items: [l{n - 1}, l{n - 1}]\n" for n in range(1, 60)),
        rule("(" * 100_000),
    ],
)
def test_a_rule_file_that_explodes_is_refused(text: str) -> None:
    assert not load(text).ok


def test_a_list_of_a_hundred_thousand_items_is_loaded() -> None:
    items = ", ".join(f"i{number}" for number in range(100_000))
    (found,) = load(f"- list: many\n  items: [{items}]\n" + rule("ct.name in (many)")).rules
    assert found.event_names is not None
    assert len(found.event_names) == 100_000
