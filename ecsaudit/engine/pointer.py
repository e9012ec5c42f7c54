"""json.value[…] and json.obj: a JSON pointer walked over the record, and the value there as text."""

from __future__ import annotations

from collections.abc import Callable

from .record import ABSENT, Path, Record, render


def split_pointer(pointer: str) -> tuple[str, ...]:
    """The parts of a pointer, unescaped; the leading slash may be absent; no parts mean the whole document."""
    if not pointer:
        return ()
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/"))


def compile_pointer(pointer: str) -> Callable[[Record], str | None]:
    """A reader of the text at a pointer; None if nothing is there. A JSON null is the text `null`."""
    path = Path(*split_pointer(pointer))

    def read(record: Record) -> str | None:
        if not record.pointers:
            return None
        value = record.at(path)
        if type(value) is str:
            return value
        return None if value is ABSENT else render(value)

    return read


def whole_document(record: Record) -> str | None:
    return record.pretty()
