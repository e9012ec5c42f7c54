"""json.value[…] and json.obj: a JSON pointer walked over the record, and the value there as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .record import Record, render

_INDEX = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


def split_pointer(pointer: str) -> tuple[str, ...]:
    """The parts of a pointer, unescaped; the leading slash may be absent; no parts mean the whole document."""
    if not pointer:
        return ()
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/"))


def compile_pointer(pointer: str) -> Callable[[Record], str | None]:
    """A reader of the text at a pointer; None if nothing is there. A JSON null is the text `null`."""
    parts = split_pointer(pointer)
    if len(parts) == 1:
        return _top_level(parts[0])

    def read(record: Record) -> str | None:
        if not record.present or not record.pointers:
            return None
        value = record.root
        for part in parts:
            if isinstance(value, dict):
                if part not in value:
                    return None
                value = value[part]
            elif isinstance(value, list):
                index = _index(part, len(value))
                if index is None:
                    return None
                value = value[index]
            else:
                return None
        return value if type(value) is str else render(value)

    return read


def whole_document(record: Record) -> str | None:
    return record.pretty()


def _top_level(part: str) -> Callable[[Record], str | None]:
    def read(record: Record) -> str | None:
        root: Any = record.root
        if not record.pointers or not isinstance(root, dict):
            index = _index(part, len(root)) if record.pointers and isinstance(root, list) else None
            return None if index is None else render(root[index])
        if part not in root:
            return None
        value = root[part]
        return value if type(value) is str else render(value)

    return read


def _index(part: str, length: int) -> int | None:
    if not _INDEX.fullmatch(part):
        return None
    index = int(part)
    return index if 0 <= index < length else None
