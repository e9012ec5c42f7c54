"""A CloudTrail record as rules see it.

Reading is in two steps. orjson reads the text at once, which is enough to know the event's name. Only when a rule is
to be run is the document *settled*: if orjson writes it back byte for byte, what it read is exact; if not (number
text, white space, duplicate keys, escapes, NUL), the document is read again by `json_text`.
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

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,18}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Record:
    """`root` is the document's value, `present` False if the text is not JSON; use them after `settle()`."""

    __slots__ = ("_data", "_raw", "_settled", "number", "pointers", "present", "root", "source")

    def __init__(self, record: RecordInput, number: int = 1, source: str = "aws_cloudtrail") -> None:
        self.number = number
        self.source = source
        self._raw = record if type(record) is bytes else _to_bytes(record)
        self._settled = False
        self.root: Any = None
        self.present = False
        # json.* fields want the brace to be the very first byte.
        self.pointers = self._raw[:1] in (b"{", b"[")
        try:
            self._data = orjson.loads(self._raw)
        except orjson.JSONDecodeError:
            self._data = None

    def event_name(self) -> Any:
        """The value of eventName, of any JSON type; None if it is missing or null."""
        data = self._data
        if type(data) is not dict or self._raw.count(b'"eventName"') > 1 or b"\\u" in self._raw:
            self.settle()
            data = self.root
        return data.get("eventName") if isinstance(data, dict) else None

    def settle(self) -> None:
        """Make `root` exact. Costs nothing when called again."""
        if self._settled:
            return
        self._settled = True
        raw = self._raw
        if self._data is not None and b"\\u0000" not in raw and _write(self._data) == raw:
            self.root = self._data
            self.present = True
            return
        try:
            self.root = json_text.parse(raw.decode("utf-8", "replace"))
        except ValueError:
            return
        self.present = True

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


def _write(value: Any) -> bytes | None:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # nested deeper than orjson writes
        return None


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
