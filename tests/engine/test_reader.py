from __future__ import annotations

import pytest

from ecsaudit.engine.reader import Mapping, ReadingError, Scalar, Sequence, Source, read_documents


def only_item(text: str) -> Mapping:
    (document,) = read_documents(Source("a.yaml", text))
    assert isinstance(document, Sequence)
    (item,) = document.items
    assert isinstance(item, Mapping)
    return item


@pytest.mark.parametrize("text", ["no", "1e3", "0x10", "2021-01-01", "12:30:00", "true"])
def test_a_scalar_is_the_text_that_the_author_wrote(text: str) -> None:
    node = only_item(f"- key: {text}\n").get("key")
    assert isinstance(node, Scalar)
    assert (node.text, node.is_null) == (text, False)


@pytest.mark.parametrize(("text", "null"), [("", True), ("~", True), ("null", True), ("''", False), ('"~"', False)])
def test_null_is_told_from_text(text: str, null: bool) -> None:
    node = only_item(f"- key: {text}\n").get("key")
    assert isinstance(node, Scalar)
    assert node.is_null is null


def test_the_first_of_two_equal_keys_counts() -> None:
    node = only_item("- key: a\n  key: b\n").get("key")
    assert isinstance(node, Scalar)
    assert node.text == "a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested deeper"),
        ("- " * 100_000, "nested deeper"),
        ("x" * 10_000_001, "characters"),
        ("- *nosuch\n", "alias"),
        ("- [x\n", "flow sequence"),
        ("- '\0'\n", "not allowed"),
        ("- '\ud800'\n", "surrogate"),
    ],
)
def test_text_that_cannot_be_read_is_a_reading_error(text: str, message: str) -> None:
    with pytest.raises(ReadingError, match=message):
        read_documents(Source("a.yaml", text))


def test_an_alias_bomb_is_as_small_as_its_text() -> None:
    lines = ["- &a [x, x]", *(f"- &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(24))]
    (document,) = read_documents(Source("a.yaml", "\n".join(lines)))
    assert isinstance(document, Sequence)
    assert len(document.items) == 25
