"""A CloudTrail record as rules see it.

orjson reads the text. If it writes what it read back byte for byte, what it read is exact; if not (number text, white
space, duplicate keys, escapes, NUL), the text is read again by `json_text`. Writing costs a third of reading, and is
the cheapest way to know.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import orjson

from . import json_text
from .errors import RecordError
from .json_text import JsonArray, JsonNumber, JsonObject

RecordInput = str | bytes | dict[str, Any]

_OPENING = (b"{", b"[")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,18}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Record:
    """`root` is the document's value; `present` is False if the text is not JSON (then `root` is None)."""

    __slots__ = ("_raw", "number", "pointers", "present", "root", "source")

    def __init__(self, record: RecordInput, number: int = 1, source: str = "aws_cloudtrail") -> None:
        self.number = number
        self.source = source
        raw = record if type(record) is bytes else _to_bytes(record)
        self._raw = raw
        # json.* fields want the brace to be the very first byte.
        self.pointers = raw[:1] in _OPENING
        self.present = True
        try:
            self.root: Any = orjson.loads(raw)
            if orjson.dumps(self.root) != raw or (b"\\" in raw and b"\\u0000" in raw):
                self._read_exactly()
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            self._read_exactly()

    def _read_exactly(self) -> None:
        try:
            self.root = json_text.parse(self._raw.decode("utf-8", "replace"))
        except ValueError:
            self.root = None
            self.present = False

    def pretty(self) -> str | None:
        """The whole document with two blanks a level."""
        if not self.present or not self.pointers:
            return None
        root = self.root
        if not isinstance(root, JsonObject | JsonArray):
            root = json_text.parse(self._raw.decode("utf-8", "replace"))
        return json_text.indent(root.tokens)

    def time_ns(self) -> int | None:
        """eventTime in nanoseconds since 1970, or None."""
        value = self.root.get("eventTime") if isinstance(self.root, dict) else None
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


def render(value: Any) -> str:
    """A JSON value as text: a string as it is, anything else as its source text."""
    if type(value) is str:
        return value
    if isinstance(value, JsonNumber | JsonObject | JsonArray):
        return value.text
    return orjson.dumps(value).decode()


def _to_bytes(record: RecordInput) -> bytes:
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
