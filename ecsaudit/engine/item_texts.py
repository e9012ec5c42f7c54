"""The items of a rule file as somebody wrote them: each with the comments above it, in its own words and order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .reader import Mapping, ReadingError, Scalar, Source, YamlNode, read_documents

_KINDS = ("rule", "macro", "list")


@dataclass(frozen=True, slots=True)
class ItemText:
    """One item. `kind` is rule, macro or list, else empty (versions); `line` is where its text begins, from 1."""

    kind: str
    name: str
    text: str
    line: int
    keys: frozenset[str]


def item_texts(text: str) -> list[ItemText]:
    """The items in order; raises ReadingError where the text is not YAML, or not a list of items."""
    source = Source("", text)
    entries = [entry for document in read_documents(source) for entry in _entries(source, document)]
    lines = text.split("\n")
    starts = [_first_line(lines, source.place(entry.start)[0]) for entry in entries]
    ends = [start - 1 for start in starts[1:]] + [len(lines)] * bool(starts)
    return [
        _item(entry, lines[start - 1 : end], start) for entry, start, end in zip(entries, starts, ends, strict=True)
    ]


def _entries(source: Source, document: YamlNode) -> Iterator[Mapping]:
    line, column = source.place(document.start)
    if isinstance(document, Scalar) and document.is_null:
        return
    if isinstance(document, Scalar | Mapping):
        raise ReadingError("a rule file is a list of items", line, column, "begin each item with '- '")
    if source.text[document.start : document.start + 1] == "[":
        hint = "begin each with '- ' on a line of its own"
        raise ReadingError("the items must not stand in brackets", line, column, hint)
    for entry in document.items:
        if not isinstance(entry, Mapping):
            raise ReadingError("an item must have keys", *source.place(entry.start), "write '- rule: name' and so on")
        yield entry


def _first_line(lines: list[str], line: int) -> int:
    """The line, from 1, of the first comment right above an item."""
    while line > 1 and (lines[line - 2].startswith("#") or lines[line - 2].strip() == "-"):
        line -= 1
    return line


def _item(entry: Mapping, lines: list[str], start: int) -> ItemText:
    own = "\n".join(line for line in lines if line.strip() not in ("---", "..."))
    found = ((kind, node.text) for kind in _KINDS if isinstance(node := entry.get(kind), Scalar))
    kind, name = next(found, ("", ""))
    return ItemText(kind, name, own.strip("\n") + "\n", start, frozenset(entry.entries))
