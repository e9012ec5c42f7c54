import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecsaudit.visible import BLANK, shortened, visible

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize("text", ["", "ls -la | grep 'a b' && echo $HOME", "Zoë 日本語 😀 e\u0301 العربية"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("a\x00b", "a␀b"),
        ("a\nb\r\nc", "a↵b␍↵c"),
        ("a\tb", "a⇥b"),
        ("a\x7f", "a␡"),
        ("\x9b31m", "‹U+009B›31m"),
        ("exe\u202egpj", "exe‹U+202E›gpj"),
        ("a\u2066b\u2069", "a‹U+2066›b‹U+2069›"),
        ("a\u200bb\ufeff", "a‹U+200B›b‹U+FEFF›"),
        ("a\u00a0b\u3000c", "a‹U+00A0›b‹U+3000›c"),
        ("a\u2028b\u2029", "a‹U+2028›b‹U+2029›"),
        ("\ud800", "‹U+D800›"),
        ("\ue000", "‹U+E000›"),
        ("\U000e0041", "‹U+E0041›"),
        ("a\u3164b\u2800", "a‹U+3164›b‹U+2800›"),
        ("a\ufe0f", "a‹U+FE0F›"),
    ],
)
def test_what_hides_or_acts_becomes_a_mark(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_can_still_break() -> None:
    assert visible("a\nb", keep_lines=True) == "a↵\nb"
    assert visible("a b", keep_lines=True) == "a b"


@given(st.text(alphabet=st.characters()))
def test_nothing_invisible_is_left_in_any_text(text: str) -> None:
    shown = visible(text)
    assert not [each for each in shown if unicodedata.category(each) in HIDDEN or each in BLANK]
    assert not [each for each in shown if unicodedata.category(each) == "Zs" and each != " "]


@given(st.text())
def test_marking_twice_changes_nothing(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"


def test_a_cut_never_splits_a_mark() -> None:
    assert shortened("\u202e" * 10, 3) == "‹U+202E›‹U+202E›…"
