"""The items of a rule file as somebody wrote them: each with the comments above it, in its own words and order."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from itertools import accumulate

from .reader import Mapping, ReadingError, Scalar, Source, YamlNode, read_documents
from .values import BOOLEANS

_KINDS = ("rule", "macro", "list")


@dataclass(frozen=True, slots=True)
class ItemText:
    """One item. `kind` is rule, macro or list, else empty (versions); `line` is where its text begins, from 1.

    `parts` are its keys, each with its own text from the key to the next one; `overrides` what stands under `override`.
    `switches` tells to what an item sets `enabled` that does nothing else.
    """

    kind: str
    name: str
    text: str
    line: int
    parts: MappingOf[str, str] = field(default_factory=dict)
    overrides: MappingOf[str, str] = field(default_factory=dict)
    switches: bool | None = None

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.parts)


def item_texts(text: str) -> list[ItemText]:
    """The items in order; raises ReadingError where the text is not YAML, or not a list of items."""
    source = Source("", text)
    entries = [entry for document in read_documents(source) for entry in _entries(source, document)]
    lines = text.split("\n")
    breaks = list(accumulate((len(line) + 1 for line in lines), initial=0))
    starts = [_first_line(lines, bisect_right(breaks, entry.start)) for entry in entries]
    ends = [start - 1 for start in starts[1:]] + [len(lines)] * bool(starts)
    return [
        _item(entry, lines[start - 1 : end], start, breaks[end])
        for entry, start, end in zip(entries, starts, ends, strict=True)
    ]


def renamed(text: str, kind: str, old: str, new: str) -> str:
    """The text with items of a kind and name under another name; raises ReadingError as `item_texts` does."""
    source = Source("", text)
    names = [
        node
        for document in read_documents(source)
        for entry in _entries(source, document)
        if isinstance(node := entry.get(kind), Scalar) and node.text == old
    ]
    for node in sorted(names, key=lambda each: each.start, reverse=True):
        # JSON's quoting is YAML's too; the blank after a plain name may belong to it.
        end = node.start + len(text[node.start : node.end].rstrip())
        text = text[: node.start] + json.dumps(new, ensure_ascii=False) + text[end:]
    return text


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


def _item(entry: Mapping, lines: list[str], start: int, end: int) -> ItemText:
    own = "\n".join(line for line in lines if line.strip() not in ("---", "..."))
    found = ((kind, node.text) for kind in _KINDS if isinstance(node := entry.get(kind), Scalar))
    kind, name = next(found, ("", ""))
    override = entry.get("override")
    overrides = override.entries.items() if isinstance(override, Mapping) else ()
    return ItemText(
        kind,
        name,
        own.strip("\n") + "\n",
        start,
        _parts(entry, end),
        {key: node.text for key, node in overrides if isinstance(node, Scalar)},
        _switches(entry),
    )


def _parts(entry: Mapping, end: int) -> dict[str, str]:
    """The text of each key, the last one's up to an offset of the file."""
    text = entry.source.text
    keys = sorted(entry.keys.items(), key=lambda pair: pair[1].start)
    ends = [*(key.start for _, key in keys[1:]), end]
    return {name: text[key.start : stop].strip() for (name, key), stop in zip(keys, ends, strict=True)}


def _switches(entry: Mapping) -> bool | None:
    override, enabled = entry.get("override"), entry.get("enabled")
    alone = entry.entries.keys() == {"rule", "enabled"}
    if isinstance(override, Mapping) and entry.entries.keys() == {"rule", "enabled", "override"}:
        how = override.get("enabled")
        alone = override.entries.keys() == {"enabled"} and isinstance(how, Scalar) and how.text == "replace"
    return BOOLEANS.get(enabled.text) if alone and isinstance(enabled, Scalar) else None
