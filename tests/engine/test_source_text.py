from __future__ import annotations

import pytest

from ecsaudit.engine.reader import Mapping, Scalar, Sequence, Source, read_documents
from ecsaudit.engine.source_text import SourceText, file_offset


def scalar(text: str) -> Scalar:
    (document,) = read_documents(Source("a.yaml", text))
    assert isinstance(document, Sequence)
    item = document.items[0]
    assert isinstance(item, Mapping)
    node = item.get("key")
    assert isinstance(node, Scalar)
    return node


@pytest.mark.parametrize(
    "text",
    [
        "- key: one @two\n",
        "- key:\n    one\n\n    and @two\n  other: x\n",
        "- key: >\n    one\n    and\n    @two\n",
        "- key: |\n    one\n      and @two\n",
        "- key: 'it''s\n    one @two'\n",
        '- key: "a\\x41\\"\\n\n    one \\\n    @two"\n',
        "- key: |-\r\n    one\r\n    @two\r\n",
        "- key: é  @two\n",
    ],
)
def test_a_character_of_a_value_is_found_in_the_file(text: str) -> None:
    node = scalar(text.replace("- key: |", "- key: |"))
    assert file_offset(node, node.text.index("@")) == text.index("@")


def test_text_put_together_from_scalars_still_knows_its_places() -> None:
    text = "- key: first\n- key: second"
    source = Source("a.yaml", text)
    (document,) = read_documents(source)
    assert isinstance(document, Sequence)
    first, second = (SourceText.of(item.get("key")) for item in document.items)  # type: ignore[union-attr, arg-type]
    whole = first + SourceText.made(" and ", second.segments[0].scalar) + second
    changed = whole.replaced(0, 5, "a long list of items")
    assert changed.text == "a long list of items and second"
    assert changed.locate(7) == (source, text.index("first"))
    assert changed.locate(changed.text.index("cond")) == (source, text.index("cond"))
