"""Functions of fields: tolower, toupper, b64, basename, len, join, concat, getopt, and val (the identity).

A transformer is missing when one of its arguments is.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ConditionError
from .fields import Extractor, FieldType
from .patterns import ascii_lower, ascii_upper
from .record import Record

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


@dataclass(frozen=True, slots=True)
class Operand:
    """A compiled side of a comparison: its type, and how to read it. `written` is its text, for messages."""

    read: Extractor
    type: FieldType
    is_list: bool
    written: str


def apply(name: str, arguments: Sequence[Operand], argument: str | None, written: str) -> Operand:
    """The operand for `name(arguments)[argument]`; ConditionError if the arguments don't fit."""
    if argument is not None and name != "getopt":
        raise ConditionError(f"filter error: transformer '{name}' does not support field arguments")
    if name in _ON_ONE:
        return _on_one(name, arguments, written)
    if len(arguments) < 2:
        raise ConditionError(f"unknown field transfomer '{name}'", hint=f"{name} needs at least two arguments")
    return {"join": _join, "concat": _concat, "getopt": _getopt}[name](arguments, argument, written)


def _base64(text: str) -> str | None:
    if not _BASE64.fullmatch(text):
        return None
    bare = text.rstrip("=")
    if len(text) != len(bare) and len(text) % 4:
        return None
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if base64.b64encode(data).decode().rstrip("=") != bare:  # bits left over
        return None
    return data.decode("utf-8", "replace").partition("\0")[0]


def _basename(text: str) -> str:
    return text.rpartition("/")[2]


def _length(value: str | list[str]) -> int:
    return len(value) if isinstance(value, list) else len(value.encode("utf-8", "replace"))


_ON_ONE: dict[str, Callable[[Any], Any]] = {
    "tolower": ascii_lower,
    "toupper": ascii_upper,
    "b64": _base64,
    "basename": _basename,
    "len": _length,
}


def _on_one(name: str, arguments: Sequence[Operand], written: str) -> Operand:
    if len(arguments) != 1:
        raise ConditionError(f"unknown field transfomer '{name}'", hint=f"{name} takes one argument")
    source = arguments[0]
    if source.type is not FieldType.TEXT:
        raise ConditionError(
            f"can't add field transformer: type '{source.type}' is not supported by '{name}' transformer "
            f"applied on field '{source.written}'"
        )
    function, read = _ON_ONE[name], source.read
    if name == "len":
        return Operand(_mapped(function, read), FieldType.NUMBER, False, written)
    if source.is_list:
        return Operand(_mapped_list(function, read), FieldType.TEXT, True, written)
    return Operand(_mapped(function, read), FieldType.TEXT, False, written)


def _mapped(function: Callable[[Any], Any], read: Extractor) -> Extractor:
    def mapped(record: Record) -> Any:
        value = read(record)
        return None if value is None else function(value)

    return mapped


def _mapped_list(function: Callable[[Any], Any], read: Extractor) -> Extractor:
    def mapped(record: Record) -> list[str] | None:
        values = read(record)
        if values is None:
            return None
        changed = [function(value) for value in values]
        return None if None in changed else changed

    return mapped


def _join(arguments: Sequence[Operand], argument: str | None, written: str) -> Operand:
    if len(arguments) != 2:
        raise ConditionError("join() requires exactly 2 arguments: separator and list")
    separator, parts = arguments
    if separator.is_list:
        raise ConditionError("join() first argument (separator) must be a single value, not a list")
    if not parts.is_list:
        raise ConditionError("join() second argument must be a list")
    if separator.type is not FieldType.TEXT or parts.type is not FieldType.TEXT:
        raise ConditionError("join() arguments must be strings")

    def read(record: Record) -> str | None:
        between, values = separator.read(record), parts.read(record)
        return None if between is None or values is None else between.join(values)

    return Operand(read, FieldType.TEXT, False, written)


def _concat(arguments: Sequence[Operand], argument: str | None, written: str) -> Operand:
    if any(part.is_list or part.type is not FieldType.TEXT for part in arguments):
        raise ConditionError("concat() arguments must be strings")
    readers = [part.read for part in arguments]

    def read(record: Record) -> str | None:
        values = [reader(record) for reader in readers]
        return None if None in values else "".join(values)

    return Operand(read, FieldType.TEXT, False, written)


def _getopt(arguments: Sequence[Operand], argument: str | None, written: str) -> Operand:
    if len(arguments) != 2:
        raise ConditionError("getopt() requires exactly 2 arguments: args list and optstring")
    words, options = arguments
    if not words.is_list:
        raise ConditionError("getopt() first argument must be a list")
    if options.is_list:
        raise ConditionError("getopt() second argument (optstring) must be a single value")
    if argument is not None and len(argument) != 1:
        raise ConditionError("getopt() field argument must be a single option character")

    def read(record: Record) -> Any:
        values, optstring = words.read(record), options.read(record)
        if values is None or optstring is None:
            return None
        found = _options(values, optstring)
        if argument is None:
            return [text for _, texts in found for text in texts] or None
        given = [texts[-1] for letter, texts in found if letter == argument]
        return given[-1] if given else None

    return Operand(read, FieldType.TEXT, argument is None, written)


def _options(words: list[str], optstring: str) -> list[tuple[str, tuple[str, ...]]]:
    """The options up to the first other word: the letter, and what Falco lists for it.

    That is the letter and its value; the letter alone for a flag; an empty text for a value that is not there.
    Long options and unknown letters are passed over.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    rest = iter(words)
    for word in rest:
        if word in ("-", "--") or not word.startswith("-"):
            break
        letters = "" if word.startswith("--") else word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            place = optstring.find(letter) if letter != ":" else -1
            if place < 0:
                continue
            if optstring[place + 1 : place + 2] != ":":
                found.append((letter, (letter,)))
                continue
            value = letters or next(rest, None)
            found.append((letter, ("",) if value is None else (letter, value)))
            letters = ""
    return found
