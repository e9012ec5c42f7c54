from __future__ import annotations

import pytest

from ecsaudit.engine.errors import ConditionError
from ecsaudit.engine.patterns import glob_test, path_prefix_test, regex_test


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*.txt", ".a/b.txt", True),
        ("?", "é", False),
        ("??", "é", True),
        ("[!a-c]x", "dx", True),
        ("[^a-c]x", "ax", False),
        ("[]a]", "]", True),
        ("[[:digit:]]*", "7up", True),
        ("[a", "[a", True),
        (r"\*x", "*x", True),
        ("a\\", "a\\", False),
        ("{a,b}", "a", False),
        ("a*", "a\nb", True),
    ],
)
def test_a_glob_means_what_fnmatch_makes_of_it(pattern: str, text: str, expected: bool) -> None:
    assert glob_test(pattern)(text) is expected


def test_a_glob_ignores_the_case_of_ascii_letters_only() -> None:
    assert glob_test("AB*", ignore_case=True)("abc")
    assert not glob_test("É", ignore_case=True)("é")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a+", "aaa", True),
        ("a", "ab", False),
        ("[[:alpha:]]+", "ab", True),
        ("a.b", "a\nb", False),
        ("x|yy", "yy", True),
    ],
)
def test_a_regular_expression_matches_the_whole_text(pattern: str, text: str, expected: bool) -> None:
    assert regex_test(pattern)(text) is expected


@pytest.mark.parametrize("pattern", ["(?i)x", r"\d", "(x", "a{1001}", "x" * 10_001])
def test_a_pattern_that_re2_refuses_is_an_error(pattern: str) -> None:
    with pytest.raises(ConditionError):
        regex_test(pattern)


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not regex_test("(a+)+b")("a" * 50_000)
    with pytest.raises(ConditionError):
        glob_test("[" * 5_000)


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["/bin"], "/bin/sh", True),
        (["/bi"], "/bin/sh", False),
        (["usr/*/lib"], "/usr/local/lib/x", True),
        (["/a/b"], "/a", False),
    ],
)
def test_a_path_matches_a_prefix_part_by_part(patterns: list[str], path: str, expected: bool) -> None:
    assert path_prefix_test(patterns)(path) is expected
