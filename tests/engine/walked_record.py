"""A slow and plain reading of a record, written after the fact sheet and not after the engine: its own JSON, its own
fields, each in the most obvious form.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

MISSING: Any = object()


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class Members(dict[str, Any]):
    """A JSON object with the first of duplicate keys; `pairs` are all members as written, for printing."""

    pairs: list[tuple[str, Any]]


_BACKSLASH = re.compile(r"\\(.)", re.DOTALL)
_DOUBLED = {'"': r"\\\u0022", "\\": r"\\\\"}
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.", re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]..")


def read_json(text: str) -> Any:
    """The document, or MISSING if the text is not JSON. Its strings are as written, escapes and all: see `decoded`."""

    def members(pairs: list[tuple[str, Any]]) -> Members:
        found = Members()
        found.pairs = pairs
        for key, value in pairs:
            found.setdefault(unescaped(key), value)
        return found

    def not_json(word: str) -> Any:
        raise ValueError(word)

    # Backslashes stand in strings only. Each is doubled, so that reading takes the second away.
    doubled = _BACKSLASH.sub(lambda found: _DOUBLED.get(found[1], rf"\\{found[1]}"), text)
    try:
        return json.loads(
            doubled, object_pairs_hook=members, parse_int=Number, parse_float=Number, parse_constant=not_json
        )
    except ValueError:
        return MISSING


def unescaped(text: str) -> str:
    """What stands between a string's quotes with its escapes replaced; half of a surrogate pair stays an escape."""

    def replaced(found: re.Match[str]) -> str:
        escape = found.group()
        return escape if _SURROGATE.fullmatch(escape) else str(json.loads(f'"{escape}"'))

    return _ESCAPE.sub(replaced, text)


def decoded(text: str) -> str:
    """A string as rules see it: text ends at an embedded NUL."""
    return unescaped(text).split("\0")[0]


def write_json(value: Any) -> str:
    """Without white space, everything else as written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Members):
        return "{" + ",".join(f"{write_json(key)}:{write_json(member)}" for key, member in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write_json, value)) + "]"
    return json.dumps(value)


def is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def as_text(value: Any) -> str:
    """A JSON value as json.value shows it."""
    return decoded(value) if is_text(value) else write_json(value)


class Event:
    """A record with its fields."""

    def __init__(self, text: str, number: int = 1) -> None:
        self.text = text
        self.number = number
        self.document = read_json(text)

    def at(self, *keys: str) -> Any:
        value = self.document
        for key in keys:
            value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
        return value

    def string(self, *keys: str) -> Any:
        """What a ct.* field sees: a value that is there but is not a string is empty."""
        value = self.at(*keys)
        if value is MISSING:
            return MISSING
        return decoded(value) if is_text(value) else ""

    def flag(self, *keys: str) -> Any:
        value = self.at(*keys)
        return MISSING if value is MISSING else "true" if value is True else "false"

    def as_json(self, *keys: str) -> Any:
        value = self.at(*keys)
        return MISSING if value is MISSING else as_text(value)

    def pointer(self, pointer: str) -> Any:
        if self.text[:1] not in ("{", "["):
            return MISSING
        value = self.document
        parts = pointer.removeprefix("/").split("/") if pointer else []
        for part in parts:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict):
                value = value.get(key, MISSING)
            elif isinstance(value, list) and re.fullmatch("[+]?[0-9]+|-0+", key) and int(key) < len(value):
                value = value[int(key)]
            else:
                value = MISSING
        return value if value is MISSING else as_text(value)

    def user(self) -> Any:
        kind = self.string("userIdentity", "type")
        if kind in ("Root", "IAMUser"):
            return self.string("userIdentity", "userName")
        if kind == "AWSService":
            return self.string("userIdentity", "invokedBy")
        if kind == "AssumedRole":
            name = self.string("userIdentity", "sessionContext", "sessionIssuer", "userName")
            return "AssumedRole" if name is MISSING else name
        return kind if kind in ("AWSAccount", "FederatedUser") else MISSING

    def resources(self) -> Any:
        value = self.at("resources")
        return ",".join(map(write_json, value)) if isinstance(value, list) and value else MISSING

    def short_source(self) -> Any:
        source = self.string("eventSource")
        trailer = ".amazonaws.com"
        if source is not MISSING and source.endswith(trailer) and source != trailer:
            return source[: -len(trailer)]
        return source

    def transferred(self) -> Any:
        found = [self.at("additionalEventData", f"bytesTransferred{way}") for way in ("In", "Out")]
        numbers = [whole(value) for value in found if value is not MISSING]
        return sum(numbers) if numbers else MISSING

    def image_ids(self) -> Any:
        items = self.at("responseElements", "instancesSet", "items")
        if items is not MISSING:
            found = [item.get("imageId") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
            return [decoded(text) for text in found if is_text(text)] or MISSING
        for keys in (
            ["imageId"],
            ["DescribeFastLaunchImagesRequest", "ImageId", "content"],
            ["launchSpecification", "imageId"],
        ):
            one = self.string("requestParameters", *keys)
            if one is not MISSING:
                return [one]
        return MISSING

    def image_id_at(self, index: int) -> Any:
        found = self.image_ids()
        return MISSING if found is MISSING or index >= len(found) else [found[index]]

    def field(self, name: str, argument: str | None) -> Any:
        """A field's value: text, number, list of texts, or MISSING."""
        if name in ("json.value", "jevt.value"):
            return self.pointer(argument or "")
        if name == "ec2.imageids" and argument is not None:
            return self.image_id_at(int(argument))
        readers = {
            "ct.name": lambda: self.string("eventName"),
            "ct.src": lambda: self.string("eventSource"),
            "ct.shortsrc": self.short_source,
            "ct.error": lambda: self.string("errorCode"),
            "ct.region": lambda: self.string("awsRegion"),
            "ct.srcip": lambda: self.string("sourceIPAddress"),
            "ct.useragent": lambda: self.string("userAgent"),
            "ct.user": self.user,
            "ct.user.identitytype": lambda: self.string("userIdentity", "type"),
            "ct.user.arn": lambda: self.string("userIdentity", "arn"),
            "ct.readonly": lambda: self.flag("readOnly"),
            "ct.managementevent": lambda: self.flag("managementEvent"),
            "ct.request": lambda: self.as_json("requestParameters"),
            "ct.request.cluster": lambda: self.string("requestParameters", "cluster"),
            "ct.resources": self.resources,
            "s3.bytes": self.transferred,
            "s3.cnt.get": lambda: 1 if self.string("eventName") == "GetObject" else MISSING,
            "ec2.imageids": self.image_ids,
            "evt.num": lambda: self.number,
            "ecs.cluster": lambda: self.string("requestParameters", "cluster"),
            "ecs.command": lambda: self.string("requestParameters", "command"),
            "ecs.interactive": lambda: self.flag("requestParameters", "interactive"),
        }
        return readers[name]()


def whole(value: Any) -> int:
    """A number of bytes: without a fraction; 0 for what is no number, or none of 64 bits."""
    if not isinstance(value, Number):
        return 0
    number = Decimal(value)
    return int(number) if 0 <= number < 2**64 else 0
