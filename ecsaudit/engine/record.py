"""A CloudTrail record as rules see it.

simdjson reads the text, and hands out only the values that somebody asks for: a fraction of the time that it takes to
make Python objects of them all. It takes the first of duplicate keys, as Falco does. What it can't tell exactly
(the text of a number with a fraction, of an object or an array) and what it refuses is read again: by orjson, if that
writes back byte for byte what it read, and else by `json_text`.
"""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import simdjson

from . import json_text
from .errors import RecordError
from .json_text import JsonArray, JsonNumber, JsonObject

RecordInput = str | bytes | dict[str, Any]

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,18}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_INDEX = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_PLAIN_INDEX = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_SIMPLE_KEY = re.compile(r"[ !#-\[\]-~]+")
# What simdjson raises where nothing is.
NOT_THERE = (KeyError, IndexError, TypeError, ValueError)
# Finding out that something isn't there costs simdjson twenty times as much as reading it. After the last time that
# something was missing, so many records are searched for its name first.
WARY = 16

# simdjson keeps its buffers for the next document; one that held a huge record is thrown away.
_LARGE = 1 << 20


class Absent:
    """The type of ABSENT, which stands for a value that isn't there (a JSON null is None)."""

    __slots__ = ()


ABSENT: Final = Absent()
_UNREAD: Final = Absent()


class Path:
    """A place in a record: names of members and indexes of arrays, from the outside in."""

    __slots__ = ("keys", "needle", "parts", "pointer", "wary")

    def __init__(self, *parts: str) -> None:
        self.parts = parts
        indexes = [part for part in parts if _INDEX.fullmatch(part)]
        # In simdjson's form; None for what it would read in another way: the index +1, a name with NUL, the whole
        # document.
        self.pointer: str | None = None
        # The parts if all are names.
        self.keys: tuple[str, ...] | None = None
        if parts and all(map(_PLAIN_INDEX.fullmatch, indexes)) and "\0" not in "".join(parts):
            self.keys = None if indexes else parts
            self.pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
        last = parts[-1] if parts else ""
        # What the text must contain if the value is there and nothing in the text is escaped.
        self.needle = f'"{last}"'.encode() if _SIMPLE_KEY.fullmatch(last) and not _INDEX.fullmatch(last) else b'"'
        # How many records are still to be searched for the needle; it changes how a value is looked for, not what is
        # found.
        self.wary = 0

    def read(self, raw: bytes, document: Any) -> Any:
        """simdjson's value here, or ABSENT: of a text and its document."""
        # From the end, bytes are searched in half the time.
        if self.wary and raw.rfind(self.needle) < 0 and raw.find(b"\\") < 0:
            return ABSENT
        try:
            if self.keys is None:
                value = document.at_pointer(self.pointer)
            else:
                # Faster than a pointer.
                value = document
                for key in self.keys:
                    value = value[key]
        except NOT_THERE:
            self.wary = WARY
            return ABSENT
        if self.wary:
            self.wary -= 1
        return value


class Record:
    """One record. `document` is simdjson's, or None if it won't read the text; `number` is evt.num."""

    __slots__ = ("_root", "document", "number", "raw", "source")

    def __init__(self, record: RecordInput, number: int = 1, source: str = "aws_cloudtrail") -> None:
        self.raw = record if type(record) is bytes else to_bytes(record)
        self.number = number
        self.source = source
        self.document = parse(self.raw)
        self._root: Any = _UNREAD

    @classmethod
    def parsed(cls, raw: bytes, document: Any, number: int) -> Record:
        """The record of a text that `parse` has read."""
        record = cls.__new__(cls)
        record.raw = raw
        record.number = number
        record.document = document
        record._root = _UNREAD
        return record

    @property
    def present(self) -> bool:
        """Whether the text is JSON."""
        return self.document is not None or self.root is not ABSENT

    @property
    def pointers(self) -> bool:
        """Whether json.* fields see the record: they want the brace to be the very first byte."""
        return self.raw[:1] in (b"{", b"[")

    @property
    def root(self) -> Any:
        """The whole document, exactly as written; ABSENT if the text is not JSON."""
        if self._root is _UNREAD:
            self._root = _read_exactly(self.raw)
        return self._root

    def at(self, path: Path) -> Any:
        """The value at a path, or ABSENT: str, True, False, None, or what `render` takes."""
        document, pointer = self.document, path.pointer
        if document is None or pointer is None:
            return _walk(self.root, path.parts)
        value = path.read(self.raw, document)
        if type(value) is str:
            return value if "\0" not in value else value.partition("\0")[0]
        if value is None or value is True or value is False or value is ABSENT:
            return value
        # The text of a whole number is what was written, but for -0.
        if type(value) is int and (value or b"-0" not in self.raw):
            return JsonNumber(str(value))
        value = _walk(self.root, path.parts)
        # Never a bare number: 1 and 1.0 equal True.
        return JsonNumber(render(value)) if type(value) in (int, float) else value

    def pretty(self) -> str | None:
        """The whole document with two blanks a level."""
        if not self.present or not self.pointers:
            return None
        root = self.root
        if not isinstance(root, JsonObject | JsonArray):
            root = json_text.parse(self.raw.decode("utf-8", "replace"))
        return json_text.indent(root.tokens)

    def time_ns(self) -> int | None:
        """eventTime in nanoseconds since 1970, or None."""
        value = self.at(_EVENT_TIME)
        match = _TIME.fullmatch(value) if type(value) is str else None
        if match is None:
            return None
        day, clock, fraction, zone = match.groups()
        try:
            moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        except ValueError:
            return None
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        seconds = since.days * 86400 + since.seconds
        return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0")[:9])


_EVENT_TIME = Path("eventTime")


def render(value: Any) -> str:
    """A JSON value as text: a string as it is, anything else as its source text."""
    if type(value) is str:
        return value
    if isinstance(value, JsonNumber | JsonObject | JsonArray):
        return value.text
    return orjson.dumps(value).decode()


class _Parsers(threading.local):
    """A parser for each thread: it keeps one document at a time."""

    def __init__(self) -> None:
        self.parser = simdjson.Parser()


_parsers = _Parsers()


def parse(raw: bytes) -> Any:
    """simdjson's document of a text that begins with a brace and is JSON, as far as it can tell; else None."""
    if raw[:1] != b"{":
        return None
    parser = _parsers.parser if len(raw) < _LARGE else simdjson.Parser()
    try:
        return parser.parse(raw)
    except ValueError:
        return None
    except RuntimeError:
        # Either the parser's last document is still in use, or a number is larger than 64 bits.
        _parsers.parser = simdjson.Parser()
    try:
        return _parsers.parser.parse(raw)
    except RuntimeError:
        return None


def _read_exactly(raw: bytes) -> Any:
    """The document's value; ABSENT if it is not JSON."""
    try:
        root = orjson.loads(raw)
        # An embedded NUL ends a string, and orjson takes the last of duplicate keys.
        if orjson.dumps(root) == raw and b"\\u0000" not in raw:
            return root
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass
    try:
        return json_text.parse(raw.decode("utf-8", "replace"))
    except ValueError:
        return ABSENT


def _walk(value: Any, parts: tuple[str, ...]) -> Any:
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part, ABSENT)
        elif isinstance(value, list):
            index = int(part) if _INDEX.fullmatch(part) else -1
            value = value[index] if 0 <= index < len(value) else ABSENT
        else:
            return ABSENT
    return value


def to_bytes(record: RecordInput) -> bytes:
    """The record as UTF-8; RecordError if it is neither text, bytes nor a JSON object."""
    if isinstance(record, bytes | bytearray):
        return bytes(record)
    text = record if isinstance(record, str) else _dump(record)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Lone surrogates can't be written as UTF-8, and pairs of them are one character.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _dump(record: object) -> str:
    if not isinstance(record, dict):
        raise RecordError(f"a record is text, bytes or a dict, not {type(record).__name__}")
    try:
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"the record can't be written as JSON: {error}") from error
