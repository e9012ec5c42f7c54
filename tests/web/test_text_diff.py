from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ecsaudit.web.text_diff import Row, side_by_side

LINES = st.lists(st.sampled_from(["a", "b", "c", "- rule: x", ""]), max_size=30)


def test_changes_stand_side_by_side_with_a_little_around_them() -> None:
    left = "\n".join(["one", "two", "three", "four", "five", "six", "old", "end"])
    rows = side_by_side(left, left.replace("old", "new") + "\nmore")
    assert rows[0] == Row("skipped")
    assert [row.change for row in rows[1:]] == ["same", "same", "same", "changed", "same", "added"]
    assert rows[4] == Row("changed", 7, "old", 7, "new")
    assert rows[6] == Row("added", None, None, 9, "more")


def test_the_same_texts_have_no_rows() -> None:
    assert side_by_side("a\nb", "a\nb") == []


@given(LINES, LINES)
def test_every_line_that_is_not_on_both_sides_is_shown(left: list[str], right: list[str]) -> None:
    rows = side_by_side("\n".join(left), "\n".join(right))
    removed = [row.left for row in rows if row.change in ("removed", "changed")]
    added = [row.right for row in rows if row.change in ("added", "changed")]
    before, after = "\n".join(left).splitlines(), "\n".join(right).splitlines()
    assert len(before) - len(removed) == len(after) - len(added)
    assert all(line in before for line in removed)
    assert all(line in after for line in added)


def test_long_texts_take_no_quadratic_time() -> None:
    left = "\n".join(["- x"] * 19_000)
    assert side_by_side(left, left + "\n- y")[-1].right == "- y"


def test_a_short_text_beside_a_long_one_takes_no_quadratic_time_either() -> None:
    assert side_by_side("\n".join(["#"] * 1_900), "\n".join(["#"] * 100_000))
