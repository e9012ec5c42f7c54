"""YAML text to a tree of source texts, safely.

Only the YAML parser's events are used: nothing is constructed, scalars stay what the author wrote, and no recursion
follows the nesting of the text. Size, nesting and number of nodes are bounded; an alias is the same node again, so
an alias bomb is as small as its text. Of a key that stands twice in a mapping the first counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from .errors import EngineError

MAX_CHARACTERS = 10_000_000
MAX_NESTING = 50
MAX_NODES = 400_000

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ReadingError(EngineError):
    """The text is not YAML, or beyond a limit; line and column are 1-based."""

    def __init__(self, message: str, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(message, line, column, hint)
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name and text."""

    name: str
    text: str

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, 1-based, of a character."""
        line_start = self.text.rfind("\n", 0, offset) + 1
        return self.text.count("\n", 0, offset) + 1, offset - line_start + 1

    def line(self, number: int) -> str:
        """A line by its 1-based number, without its break; empty if there is none."""
        start = 0
        for _ in range(number - 1):
            start = self.text.find("\n", start) + 1
            if start == 0:
                return ""
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


@dataclass(slots=True, eq=False)
class Scalar:
    """A text; `style` is its quote, `|`, `>` or empty for a plain one; `start` and `end` are file offsets."""

    source: Source
    start: int
    end: int
    text: str = ""
    style: str = ""
    is_null: bool = False


@dataclass(slots=True, eq=False)
class Sequence:
    source: Source
    start: int
    items: list[YamlNode] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Mapping:
    """Keys that aren't scalars are left out; `keys` holds each key's own node."""

    source: Source
    start: int
    entries: dict[str, YamlNode] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)

    def get(self, key: str) -> YamlNode | None:
        return self.entries.get(key)


YamlNode = Scalar | Sequence | Mapping


def is_null(node: YamlNode | None) -> bool:
    return isinstance(node, Scalar) and node.is_null


def read_documents(source: Source) -> list[YamlNode]:
    """The documents of a YAML stream; raises ReadingError."""
    if len(source.text) > MAX_CHARACTERS:
        raise ReadingError(f"the file has {len(source.text)} characters; at most {MAX_CHARACTERS} are read")
    try:
        return _Composer(source).documents(yaml.parse(source.text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ReadingError(_message(error), line, column, _hint(error)) from error
    except yaml.reader.ReaderError as error:
        line, column = source.place(error.position if isinstance(error.position, int) else 0)
        raise ReadingError(f"the character #x{error.character:04x} is not allowed", line, column) from error
    except UnicodeEncodeError as error:
        line, column = source.place(error.start)
        raise ReadingError("a lone surrogate is not a character", line, column) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ReadingError(f"not YAML: {error}") from error


def _message(error: yaml.MarkedYAMLError) -> str:
    return ", ".join(part for part in (error.context, error.problem) if part)


_HINTS = {
    "mapping values are not allowed": "a text with ': ' in it needs quotes, or '>' and a line of its own",
    "could not find expected ':'": "a blank belongs after ':'",
    "found a tab character": "indent with blanks, not with tabs",
    "cannot start any token": "put a text that begins with %, @, ` or a tab in quotes",
    "did not find expected '-'": "keys of one item stand below each other, in the same column",
    "did not find expected key": "keys of one item stand below each other, in the same column",
    "did not find expected ',' or ']'": "a bracket is not closed, or a value needs quotes",
    "did not find expected ',' or '}'": "a brace is not closed, or a value needs quotes",
    "found unexpected end of stream": "a quote is never closed",
    "found undefined alias": "a text that begins with * needs quotes",
    "while scanning an alias": "a text that begins with * needs quotes",
    "found unknown escape character": "in double quotes a backslash is written twice; single quotes take it as it is",
}


def _hint(error: yaml.MarkedYAMLError) -> str:
    message = _message(error)
    return next((hint for part, hint in _HINTS.items() if part in message), "")


class _Composer:
    """Builds nodes from events with a stack of the open collections."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.roots: list[YamlNode] = []
        self.open: list[Sequence | Mapping] = []
        self.waiting_keys: list[Scalar | Sequence | Mapping | None] = []
        self.anchors: dict[str, YamlNode] = {}
        self.count = 0

    def documents(self, events: Iterator[Any]) -> list[YamlNode]:
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self.add(self.scalar(event), event)
            elif isinstance(event, yaml.SequenceStartEvent):
                self.enter(Sequence(self.source, _offset(event)), event)
            elif isinstance(event, yaml.MappingStartEvent):
                self.enter(Mapping(self.source, _offset(event)), event)
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                self.open.pop()
                self.waiting_keys.pop()
            elif isinstance(event, yaml.AliasEvent):
                self.add(self.alias(event), None)
            elif isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
        return self.roots

    def scalar(self, event: Any) -> Scalar:
        style = "" if event.style in (None, "") else event.style
        null = not style and event.value in _NULLS and event.tag in (None, "tag:yaml.org,2002:null")
        return Scalar(self.source, event.start_mark.index, event.end_mark.index, event.value, style, null)

    def alias(self, event: Any) -> YamlNode:
        node = self.anchors.get(event.anchor)
        if node is None:
            mark = event.start_mark
            hint = _HINTS["found undefined alias"]
            raise ReadingError(f"found undefined alias '{event.anchor}'", mark.line + 1, mark.column + 1, hint)
        return node

    def enter(self, node: Sequence | Mapping, event: Any) -> None:
        if len(self.open) >= MAX_NESTING:
            mark = event.start_mark
            raise ReadingError(f"nested deeper than {MAX_NESTING} levels", mark.line + 1, mark.column + 1)
        self.add(node, event)
        self.open.append(node)
        self.waiting_keys.append(None)

    def add(self, node: YamlNode, event: Any) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            raise ReadingError(f"more than {MAX_NODES} values")
        if event is not None and event.anchor:
            self.anchors[event.anchor] = node
        if not self.open:
            self.roots.append(node)
            return
        parent = self.open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self.waiting_keys[-1]
        if key is None:
            self.waiting_keys[-1] = node
            return
        self.waiting_keys[-1] = None
        if isinstance(key, Scalar):
            parent.entries.setdefault(key.text, node)
            parent.keys.setdefault(key.text, key)


def _offset(event: Any) -> int:
    """Where an event begins, in characters."""
    return int(event.start_mark.index)
