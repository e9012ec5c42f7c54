"""What holds for any condition, any rule file and any record."""

from __future__ import annotations

import contextlib
import json

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
