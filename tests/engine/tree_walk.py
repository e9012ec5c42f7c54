"""A slow and plain reading of the rule language, written after the fact sheet and not after the engine.

It shares only the parser's tree with the engine: its own JSON, fields, operators and patterns, each in the most
obvious form. Where the two disagree, one of them is wrong.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from ecsaudit.engine import nodes

MISSING: Any = object()


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class Members(dict[str, Any]):
    """A JSON object with the first of duplicate keys; `pairs` are all members as written, for printing."""

    pairs: list[tuple[str, Any]]


def read_json(text: str) -> Any:
    """The document, or MISSING if the text is not JSON."""

    def members(pairs: list[tuple[str, Any]]) -> Members:
        found = Members()
        found.pairs = pairs
        for key, value in pairs:
            found.setdefault(key, value)
        return found

    try:
        return json.loads(text, object_pairs_hook=members, parse_int=Number, parse_float=Number)
    except ValueError:
        return MISSING


def write_json(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Members):
        return "{" + ",".join(f"{write_json(key)}:{write_json(member)}" for key, member in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def as_text(value: Any) -> str:
    """A JSON value as json.value shows it: text ends at an embedded NUL."""
    if isinstance(value, str):
        return value if isinstance(value, Number) else value.split("\0")[0]
    return write_json(value)


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
        return "" if not isinstance(value, str) or isinstance(value, Number) else value.split("\0")[0]

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
            elif isinstance(value, list) and re.fullmatch("[+]?[0-9]+", key) and int(key) < len(value):
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

    def transferred(self) -> Any:
        found = [self.at("additionalEventData", f"bytesTransferred{way}") for way in ("In", "Out")]
        numbers = [
            int(value) if isinstance(value, Number) and value.isdigit() else 0
            for value in found
            if value is not MISSING
        ]
        return sum(numbers) if numbers else MISSING

    def image_ids(self) -> Any:
        items = self.at("responseElements", "instancesSet", "items")
        if items is MISSING:
            return MISSING
        found = [item.get("imageId") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        return [as_text(text) for text in found if isinstance(text, str) and not isinstance(text, Number)] or MISSING

    def field(self, name: str, argument: str | None) -> Any:
        """A field's value: text, number, list of texts, or MISSING."""
        if name in ("json.value", "jevt.value"):
            return self.pointer(argument or "")
        readers = {
            "ct.name": lambda: self.string("eventName"),
            "ct.src": lambda: self.string("eventSource"),
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
            "ec2.imageids": self.image_ids,
            "evt.num": lambda: self.number,
            "ecs.cluster": lambda: self.string("requestParameters", "cluster"),
            "ecs.command": lambda: self.string("requestParameters", "command"),
            "ecs.interactive": lambda: self.flag("requestParameters", "interactive"),
        }
        return readers[name]()


def holds(tree: nodes.Node, record: str | bytes, number: int = 1) -> bool:
    """Whether a condition holds for a record."""
    return Walk(Event(record.decode() if isinstance(record, bytes) else record, number)).node(tree)


class Walk:
    def __init__(self, event: Event) -> None:
        self.event = event

    def node(self, node: nodes.Node) -> bool:
        match node:
            case nodes.And():
                return all(self.node(child) for child in node.children)
            case nodes.Or():
                return any(self.node(child) for child in node.children)
            case nodes.Not():
                return not self.node(node.child)
            case nodes.Macro():
                return self.node(node.body)
            case nodes.Exists():
                return self.value(node.left) is not MISSING
            case nodes.Comparison():
                return self.comparison(node)
        raise AssertionError(node)

    def comparison(self, node: nodes.Comparison) -> bool:
        left = self.value(node.left)
        if left is MISSING:
            return False
        right = node.right
        if isinstance(right, nodes.Field | nodes.Transformer):
            other = self.value(right)
            return other is not MISSING and compare(node.operator, left, other)
        constants = [
            converted(text, left) for text in (right.texts if isinstance(right, nodes.ListValue) else [right.text])
        ]
        if node.modifier:
            results = [compare(node.operator, left, constant) for constant in constants]
            wanted = {"oneof": results.count(True) == 1, "anyof": any(results), "allof": all(results)}
            return bool(results) and wanted[node.modifier]
        if node.operator in ("in", "intersects"):
            if not isinstance(left, list):
                return left in constants
            return (all if node.operator == "in" else any)(one in constants for one in left)
        if node.operator == "pmatch":
            return any(is_path_prefix(str(constant), left) for constant in constants)
        return compare(node.operator, left, constants[0])

    def value(self, node: nodes.Operand) -> Any:
        match node:
            case nodes.Value():
                return node.text
            case nodes.Field():
                return self.event.field(node.name, node.argument)
            case nodes.TransformerList():
                parts = [self.value(child) for child in node.children]
                return MISSING if MISSING in parts else parts
            case nodes.Transformer():
                arguments = [self.value(argument) for argument in node.arguments]
                return MISSING if any(one is MISSING for one in arguments) else transformed(node.name, arguments)
        raise AssertionError(node)


def converted(text: str, like: Any) -> Any:
    """A constant in the type of the value that it is compared with."""
    return int(text) % 2**64 if isinstance(like, int) else text


def transformed(name: str, arguments: list[Any]) -> Any:
    first = arguments[0]
    match name:
        case "val":
            return first
        case "tolower":
            return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in first)
        case "toupper":
            return "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in first)
        case "len":
            return len(first) if isinstance(first, list) else len(first.encode())
        case "basename":
            return first.split("/")[-1]
        case "concat":
            return "".join(arguments)
        case "join":
            return first.join(arguments[1])
        case "b64":
            return decoded(first)
    raise AssertionError(name)


def decoded(text: str) -> Any:
    bare = text.rstrip("=")
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return MISSING
    exact = base64.b64encode(data).decode()
    return data.decode("utf-8", "replace").split("\0")[0] if text in (exact, exact.rstrip("=")) else MISSING


def compare(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "=" | "==" | "in" | "intersects":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case "<" | "<=" | ">" | ">=":
            return ordered(operator, left, right)
        case "contains":
            return right in left
        case "icontains":
            return transformed("tolower", [right]) in transformed("tolower", [left])
        case "startswith":
            return bool(left[: len(right)] == right)
        case "endswith":
            return not right or bool(left[-len(right) :] == right)
        case "glob":
            return is_glob(right, left)
        case "iglob":
            return is_glob(transformed("tolower", [right]), transformed("tolower", [left]))
        case "regex":
            return re.fullmatch(right, left) is not None
    raise AssertionError(operator)


def ordered(operator: str, left: Any, right: Any) -> bool:
    if isinstance(left, str):
        left, right = left.encode(), right.encode()
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])


def is_glob(pattern: str, text: str) -> bool:
    """fnmatch with `*`, `?` and backslash, over bytes."""
    return _glob(pattern.encode(), text.encode())


def _glob(pattern: bytes, text: bytes) -> bool:
    if not pattern:
        return not text
    first = pattern[:1]
    if first == b"*":
        return any(_glob(pattern[1:], text[start:]) for start in range(len(text) + 1))
    if not text:
        return False
    if first == b"\\":
        return pattern[1:2] == text[:1] and len(pattern) > 1 and _glob(pattern[2:], text[1:])
    return (first == b"?" or first == text[:1]) and _glob(pattern[1:], text[1:])


def is_path_prefix(pattern: str, path: str) -> bool:
    parts, wanted = ([part for part in text.split("/") if part] for text in (path, pattern))
    return len(wanted) <= len(parts) and all(is_glob(one, other) for one, other in zip(wanted, parts, strict=False))
