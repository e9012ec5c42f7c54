"""Patterns of a policy: what people write, what it matches, and texts that nobody should have written."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecsaudit.policies.patterns import PatternError, lines_of, patterns

LETTERS = st.text(alphabet="abß*", max_size=8)


def names(lines: list[str], *values: str) -> bool:
    found = patterns(tuple(lines))
    return found.names(values) is not None and found.leaves_out(values) is None


@pytest.mark.parametrize(
    ("lines", "value", "expected"),
    [
        (["prod"], "prod", True),
        (["prod"], "PROD", True),
        (["prod"], "prod-2", False),
        (["prod-*"], "prod-", True),
        (["*prod*"], "my-prod-2", True),
        (["a*b*c"], "a-b-c", True),
        (["a*b*c"], "acb", False),
        (["ab*ba"], "aba", False),
        (["*"], "x", True),
        (["*"], "", False),
        (["prod.*"], "prodx", False),
        (["[ab]"], "a", False),
        (["p?"], "pr", False),
        (["a", "b"], "b", True),
        (["*", "not prod-*"], "prod-1", False),
        (["*", "Not prod-*"], "dev", True),
    ],
)
def test_a_star_is_any_text_and_not_leaves_out(lines: list[str], value: str, expected: bool) -> None:
    assert names(lines, value) is expected


def test_one_of_several_spellings_is_enough() -> None:
    assert names(["payments"], "111122223333", "Payments")
    assert not names(["*", "not payments"], "111122223333", "Payments")


@given(LETTERS, LETTERS)
def test_a_pattern_means_what_the_same_regular_expression_means(pattern: str, value: str) -> None:
    expression = ".*".join(re.escape(part.casefold()) for part in pattern.split("*"))
    assert names([pattern], value) is bool(value and re.fullmatch(expression, value.casefold(), re.DOTALL))


def test_many_stars_take_no_time() -> None:
    started = time.monotonic()
    assert not names(["a*" * 120 + "b"], "a" * 100_000)
    assert time.monotonic() - started < 1


def test_lines_are_taken_once_and_without_what_stands_around_them() -> None:
    assert lines_of("  prod \n\nnot  dev\nprod\r\n") == ["prod", "not  dev"]
    assert str(patterns(("prod", "not  dev"))) == "prod, not dev"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prod\x00", "line 1 holds a character that can't be seen"),
        ("prod\n\u202eabc", "line 2 holds a character"),
        ("x" * 257, "line 1 has 257 characters; at most 256"),
        ("\n".join(map(str, range(201))), "201 lines; at most 200"),
        ("not", "says “not”, but not what"),
    ],
)
def test_what_can_not_be_a_pattern_is_told(text: str, told: str) -> None:
    with pytest.raises(PatternError, match=re.escape(told)):
        lines_of(text)
