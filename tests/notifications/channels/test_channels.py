"""What holds for every kind of channel."""

from pathlib import Path

import pytest

from ecsaudit.notifications import channels
from ecsaudit.notifications.channels import CHANNELS
from ecsaudit.notifications.channels.kind import pieces

ROOT = Path(__file__).parent.parent.parent.parent
NOT_KINDS = {"__init__", "kind"}


def test_every_kind_has_its_file_its_template_its_test_and_its_line() -> None:
    files = {path.stem for path in Path(channels.__file__).parent.glob("*.py")} - NOT_KINDS
    templates = {path.stem for path in (ROOT / "templates" / "notifications").glob("*.txt")}
    tests = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")} - {"channels"}
    assert files == templates == tests == CHANNELS.keys()


@pytest.mark.parametrize("key", CHANNELS)
def test_a_kind_explains_itself(key: str) -> None:
    kind = CHANNELS[key]
    assert kind.key == key
    assert kind.label and kind.about.endswith(".")
    assert all(field.label and field.help for field in kind.fields)


@pytest.mark.parametrize("key", CHANNELS)
def test_what_is_missing_is_told_for_each_field(key: str) -> None:
    found = CHANNELS[key].check({}, {})
    assert [problem.field for problem in found] == [field.name for field in CHANNELS[key].fields if field.required]


def test_a_text_is_cut_at_line_ends_where_there_are_some() -> None:
    assert pieces("aaaa\nbbbb\ncc", 10, 9) == ["aaaa\nbbbb", "cc"]
    assert pieces("x" * 25, 10, 9) == ["x" * 10, "x" * 10, "x" * 5]
    assert pieces("x" * 25, 10, 2) == ["x" * 10, "x" * 10]
    assert pieces("", 10, 9) == []
