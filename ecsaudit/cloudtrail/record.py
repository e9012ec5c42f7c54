"""One CloudTrail record: its exact text, read once, with tolerant access to what may be missing, null or of another type.

UnreadableText          the text is not a CloudTrail record at all; its reason is for a person
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import orjson

# CloudTrail itself stops at 256 KB; a text far beyond that is not one of its records.
MAX_TEXT = 4_000_000
EMPTY: Mapping[str, Any] = {}


class UnreadableText(ValueError):
    """The text can't be read as a CloudTrail record; its message says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """A CloudTrail record. `text` is exactly what CloudTrail delivered; `data` is the same as Python values."""

    text: str
    data: Mapping[str, Any]
    event_id: str
    event_name: str
    event_source: str
    event_time: datetime
    region: str

    def section(self, name: str) -> Mapping[str, Any]:
        """`requestParameters`, `responseElements`, `userIdentity` …: empty where missing, null or not an object."""
        return section(self.data, name)

    def string(self, name: str) -> str:
        return string(self.data, name)


def section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else EMPTY


def string(data: Mapping[str, Any], name: str) -> str:
    """The text at `name`; numbers and booleans as JSON writes them; empty where missing, null or nested."""
    value = data.get(name)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return ""


def storable(value: str, length: int | None = None) -> str:
    """Text for a column, the same on SQLite and PostgreSQL: NUL and lone surrogates become U+FFFD, cut to `length`."""
    if "\x00" in value:
        value = value.replace("\x00", "\ufffd")
    if not value.isascii():
        value = value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return value if length is None else value[:length]


def load(text: str) -> Mapping[str, Any]:
    """The JSON object in `text`; UnreadableText says why there is none."""
    if len(text) > MAX_TEXT:
        raise UnreadableText(f"{len(text):,} characters; a CloudTrail record has at most {MAX_TEXT:,}")
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogates, which CloudTrail carries when a caller sent them.
        data = load_leniently(text)
    if not isinstance(data, dict):
        raise UnreadableText(f"JSON {type(data).__name__} where an object is expected")
    return data


def load_leniently(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise UnreadableText(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise UnreadableText("JSON nested too deep") from error
    except ValueError as error:
        raise UnreadableText(f"not JSON: {error}") from error


def refuse_constant(name: str) -> NoReturn:
    raise UnreadableText(f"not JSON: {name} is not a JSON value")


def parse_time(value: object) -> datetime | None:
    """An eventTime as CloudTrail, Athena or an importer writes it, in UTC; None when it is none.

    Taken: ISO 8601 with `T` or a blank, with fractions of a second, with `Z`, an offset or nothing (UTC); epoch seconds.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, ValueError, OSError):
            return None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None


def read(text: str, outer: Mapping[str, Any] = EMPTY) -> Record:
    """Read the text of a CloudTrailEvent; `outer` is the LookupEvents item, which fills what the record itself lacks.

    Raises UnreadableText when there is no JSON object, no event name, no time or no id in either.
    """
    data = load(text)
    event_name = string(data, "eventName") or string(outer, "EventName")
    if not event_name:
        raise UnreadableText("no eventName")
    event_time = parse_time(data.get("eventTime")) or outer_time(outer)
    if event_time is None:
        raise UnreadableText(f"no eventTime that can be read (it is {str(data.get('eventTime'))[:60]!r})")
    event_id = string(data, "eventID") or string(outer, "EventId")
    if not event_id:
        raise UnreadableText("no eventID")
    return Record(
        text=text,
        data=data,
        event_id=storable(event_id, 128),
        event_name=storable(event_name.strip(), 128),
        event_source=storable(string(data, "eventSource") or string(outer, "EventSource"), 128),
        event_time=event_time,
        region=storable(string(data, "awsRegion"), 32),
    )


def outer_time(outer: Mapping[str, Any]) -> datetime | None:
    value = outer.get("EventTime")
    return value.astimezone(UTC) if isinstance(value, datetime) else parse_time(value)
