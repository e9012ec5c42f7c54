"""Whatever the text: problems with places or documented errors, no other exception, no hang, no endless recursion."""

from __future__ import annotations

import contextlib
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecsaudit import engine

WORDS = st.sampled_from(["a", "b", "A", "null", "5", "1.50", '"x y"', "true", '""'])
FIELDS = st.sampled_from(
    [
        "ct.name",
        "ct.error",
        "ct.src",
        "json.value[/eventName]",
        "jevt.value[eventName]",
        "json.value[/a/b]",
        "tolower(ct.name)",
    ]
)
OPERATORS = st.sampled_from(["=", "==", "!=", "startswith", "contains", "endswith", "icontains", "glob"])
LISTS = st.lists(WORDS, max_size=3).map(lambda words: f"({', '.join(words)})")

CHECKS = st.one_of(
    st.builds("{} exists".format, FIELDS),
    st.builds("{} {} {}".format, FIELDS, OPERATORS, WORDS),
    st.builds("{} {} {}".format, FIELDS, st.sampled_from(["in", "intersects", "= anyof", "!= allof"]), LISTS),
)
CONDITIONS = st.recursive(
    CHECKS,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
    ),
    max_leaves=8,
)
JSON = st.sampled_from(['"a"', '"b"', '""', "null", "5", "1.50", "true", '{"b":"a"}', "[]", r'"\u0061"', r'"a\u0000b"'])
RECORDS = st.lists(st.tuples(st.sampled_from(["eventName", "errorCode", "eventSource", "a"]), JSON), max_size=5).map(
    lambda members: "{" + ",".join(f'"{key}":{value}' for key, value in members) + "}"
)


@given(st.text(max_size=60) | st.lists(CONDITIONS | st.sampled_from("()=,\"'\\[]% not"), max_size=4).map("".join))
@settings(deadline=None, database=None)
def test_any_text_is_a_condition_or_a_condition_error(text: str) -> None:
    with contextlib.suppress(engine.ConditionError):
        engine.compile_condition(text).matches("{}")


PIECES = st.sampled_from(
    [
        "- ",
        "list: a\n",
        "rule: R\n",
        "  items: ",
        "[x, ",
        "]",
        "  condition: ",
        "ct.name",
        "'",
        '"',
        "{",
        "}",
        "\n",
        "*a",
        "&a ",
        "|",
        ": ",
        "~",
        "\t",
    ]
)


@given(st.text(max_size=60) | st.lists(PIECES, max_size=12).map("".join))
@settings(deadline=None, database=None)
def test_any_text_is_a_rule_file_or_has_problems_with_places(text: str) -> None:
    loaded = engine.load_rules([("rules.yaml", text)])
    for problem in (*loaded.errors, *loaded.warnings):
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.snippet.endswith("^")


@given(st.text(max_size=40) | st.binary(max_size=40) | RECORDS)
@settings(deadline=None, database=None)
def test_any_text_or_bytes_can_be_judged(record: str | bytes) -> None:
    for name in ("ct.info", "json.obj", "ct.request", "evt.time", "s3.bytes"):
        engine.extract(name, record)


RULE = """
- list: shells
  items: [sh, 'bash', "/bin/sh"]
- macro: opened
  condition: ct.name = ExecuteCommand and not ct.error exists
- rule: Shell
  desc: d
  condition: >
    opened and ecs.command in (shells)
    or tolower(ct.user) startswith oneof (a, "b c")
  output: "%ct.user opened %20ecs.command"
  priority: WARNING
  source: aws_cloudtrail
  tags: [a, NIST_800-53_AC-17]
  exceptions:
    - name: people
      fields: [ct.user, ct.region]
      comps: [=, in]
      values: [[alice, [eu-west-1, us-east-1]], [bob, us-east-1]]
- rule: Shell
  condition: and ct.region = x
  override: {condition: append}
"""
TOKENS = st.sampled_from(
    [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        ":",
        "-",
        ",",
        "\n",
        "\n  ",
        "#",
        "&a",
        "*a",
        "|",
        ">",
        "%",
        "\\",
        "\t",
        "\x00",
        "not ",
        " and ",
        " or ",
        "in",
        "exists",
        "=",
        "val(",
        "ct.name",
        "json.value[/a]",
        "append: true\n",
        "override:",
        "shells",
        "opened",
        "é",
        "�",
        "\ufeff",
        "\r",
        "\x85",
        "\u2028",
        "<<: ",
        "!!binary ",
        "!!python/object:x ",
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The rules above with some pieces cut, doubled or put in."""
    text = RULE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        middle = draw(st.one_of(st.just(""), TOKENS, st.just(text[start:end] * 2)))
        text = text[:start] + middle + text[end:]
    return text


@given(damaged())
@settings(deadline=None, database=None, max_examples=300)
def test_damaged_rules_have_problems_with_places(text: str) -> None:
    loaded = engine.load_rules([("rules.yaml", text)])
    for problem in (*loaded.errors, *loaded.warnings):
        assert (problem.line, problem.column) >= (1, 1)
        assert problem.snippet.endswith("^")
    loaded.rule_set.evaluate('{"eventName":"ExecuteCommand","requestParameters":{"command":"sh"}}')


@given(st.text(max_size=40) | st.lists(TOKENS, max_size=8).map("".join))
@settings(deadline=None, database=None)
def test_any_text_is_a_field_and_an_output_or_a_condition_error(text: str) -> None:
    with contextlib.suppress(engine.ConditionError):
        engine.extract(text, "{}")
    with contextlib.suppress(engine.OutputError):
        engine.format_output(text, "{}")


@contextmanager
def soon() -> Iterator[None]:
    """A guard against hanging, far above what is needed; no measure of speed."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 120


def one_rule(condition: str, more: str = "") -> str:
    return f"- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n  condition: {condition}\n{more}"


MANY = 100_000


@pytest.mark.parametrize(
    "condition",
    [
        "(" * MANY,
        "(" * MANY + "ct.name = a" + ")" * MANY,
        "not(" * MANY + "ct.name = a" + ")" * MANY,
        "not " * MANY + "ct.name = a",
        "tolower(" * MANY + "ct.name" + ")" * MANY + " = a",
        "concat(ct.name, " * MANY + "ct.name",
        "val(" * MANY,
        "ct.name in " + "(" * MANY,
        "ct.name in (" + "a, " * MANY + "a)",
        "ct.name = a or " * MANY + "ct.name = b",
        "ct.name" + ".x" * MANY + " = a",
        "json.value[" + "/a" * MANY + "] = a",
        'ct.name = "' + "\\\\" * MANY + '"',
        'ct.name = "' + "a" * MANY,
        "ct.name regex " + "(a{0,1000}){0,1000}" * 50,
        "ct.name regex " + "a" * 1_000 + "{1,1000}{1,1000}",
        "ct.name glob " + "*a" * 10_000,
        "ct.name pmatch (" + "/*" * 10_000 + ")",
        "evt.num = " + "9" * MANY,
        "a" * MANY,
        " " * MANY,
    ],
    ids=lambda condition: f"{condition[:14]}…{len(condition)}",
)
def test_a_huge_condition_is_compiled_or_refused_in_time(condition: str) -> None:
    with soon():
        with contextlib.suppress(engine.ConditionError):
            engine.compile_condition(condition).matches('{"eventName":"' + "ab" * 5_000 + '"}')
        engine.load_rules([("rules.yaml", one_rule("'" + condition.replace("'", "''") + "'"))])


def alias_bomb() -> str:
    levels = ["a: &l0 [x]"] + [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "- list: L\n  items: *l11\n- {" + ", ".join(level.replace(": ", ": ", 1) for level in levels) + "}\n"


DOUBLING = "- macro: m0\n  condition: ct.name = a\n" + "".join(
    f"- macro: m{n}\n  condition: m{n - 1} and m{n - 1}\n" for n in range(1, 60)
)
CHAIN = "- macro: m0\n  condition: ct.name = a\n" + "".join(
    f"- macro: m{n}\n  condition: m{n - 1}\n" for n in range(1, 3_000)
)
FEW = 5_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * MANY,
        "{a: " * MANY,
        "- " * MANY,
        "- list: L\n  items: " + "[" * MANY + "]" * MANY,
        "a" * 10_000_000,
        "- a\n" * 2_500_000,
        "a: b\n" * 2_000_000,
        "#" * 9_999_999,
        "x" * 10_000_001,
        "'" + "x\n" * 4_000_000,
        alias_bomb(),
        "- &a [*a, *a]\n",
        f"- list: L\n  items: [{'x, ' * MANY}x]\n" + one_rule("ct.name in (L)"),
        f"- list: L\n  items: [{'x y, ' * FEW}x]\n" + one_rule(" or ".join(["ct.name in (L)"] * 1_000)),
        "".join(f"- list: L{n}\n  items: [L{n - 1}, L{n - 1}]\n" for n in range(1, 60)) + one_rule("ct.name in (L59)"),
        "".join(f"- list: L{n}\n  items: [a]\n" for n in range(FEW))
        + one_rule("ct.name in (" + ", ".join(f"L{n}" for n in range(FEW)) + ")"),
        "".join(f"- list: L{n}\n  items: [L{n + 1}, L{n + 1}]\n" for n in range(60)) + one_rule("ct.name in (L0)"),
        "".join(f"- list: L{n}\n  items: [a, L{n + 1}]\n" for n in range(FEW)) + one_rule("ct.name in (L0)"),
        DOUBLING + one_rule("m59"),
        CHAIN + one_rule("m2999"),
        one_rule(
            "ct.name = a",
            "  exceptions:\n    - name: e\n      fields: [ct.user]\n      values: [" + "[a], " * 10_000 + "[b]]\n",
        ),
        one_rule("ct.name = a", "".join(f"  exceptions{n}: x\n" for n in range(FEW))),
        "".join(one_rule("ct.name = a").replace("rule: R", f"rule: R{n}") for n in range(1_000)),
        one_rule("ct.name = a", "- rule: R\n  append: true\n  condition: or ct.name = b\n" * 500),
        one_rule("ct.name = a").replace("output: o", "output: '" + "%ct.name" * 20_000 + "'"),
        "- rule: [\n" * 3_000,
    ],
    ids=lambda text: f"{text[:24]!r}…{len(text)}",
)
def test_a_huge_rule_file_is_loaded_or_refused_in_time(text: str) -> None:
    with soon():
        loaded = engine.load_rules([("rules.yaml", text)])
        loaded.rule_set.evaluate('{"eventName":"a"}')
    assert all(len(problem.snippet) < 500 for problem in (*loaded.errors, *loaded.warnings))


@pytest.mark.parametrize(
    "record",
    [
        b"[" * MANY,
        b'{"a":' * MANY,
        b'{"eventName":' + b"[" * MANY + b"]" * MANY + b"}",
        b'{"eventName":"' + b"a" * 10_000_000 + b'"}',
        b'{"eventName":"' + b"\\u0000" * 1_000_000 + b'"}',
        b"{" + b'"eventName":"a",' * 200_000 + b'"b":1}',
        b'{"eventName":' + b"9" * 1_000_000 + b"}",
        b" " * 1_000_000 + b"{}",
    ],
    ids=lambda record: f"{record[:14]!r}…{len(record)}",
)
def test_a_huge_record_is_judged_in_time(record: bytes) -> None:
    loaded = engine.load_rules([("rules.yaml", RULE)])
    with soon():
        loaded.rule_set.evaluate(record)
        engine.explain(loaded.rules[0], record)
        for name in ("json.obj", "json.value[/eventName]", "ct.request", "ct.info"):
            engine.extract(name, record)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + RULE,
        RULE.replace("\n", "\r\n"),
        RULE.replace("\n", "\r\n").encode().decode(),
        "---\n" + RULE + "---\n",
    ],
    ids=["byte order mark", "CRLF", "CRLF bytes", "documents"],
)
def test_the_ways_in_which_files_are_written_do_not_matter(text: str) -> None:
    loaded = engine.load_rules([("rules.yaml", text)])
    assert [rule.name for rule in loaded.rules] == ["Shell"]


@pytest.mark.parametrize("text", ["a\0b", "- rule: \ud800", "- \x07", "\t- rule: x", "- rule: R\n\tdesc: d"])
def test_characters_that_yaml_forbids_are_problems_with_places(text: str) -> None:
    (problem,) = engine.load_rules([("rules.yaml", text)]).errors
    assert problem.code == "LOAD_ERR_YAML_PARSE"


@pytest.mark.parametrize("text", ["ct.name = ", "ct.nmae = x", "ct.name > (", "ct.name regex ("])
def test_errors_survive_pickling(text: str) -> None:
    with pytest.raises(engine.ConditionError) as caught:
        engine.compile_condition(text)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.offset, again.hint) == (str(caught.value), caught.value.offset, caught.value.hint)
