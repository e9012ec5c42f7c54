"""A slow and plain reading of the rule language, written after the fact sheet and not after the engine.

It shares only the parser's tree with the engine: its own records (`walked_record`), operators and patterns, each in
the most obvious form. Where the two disagree, one of them is wrong.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from ecsaudit.engine import nodes
from tests.engine.walked_record import MISSING, Event


def holds(
    tree: nodes.Node, record: str | bytes, number: int = 1, macros: Mapping[str, nodes.Node] | None = None
) -> bool:
    """Whether a condition holds for a record; `macros` are the trees of the names in it."""
    event = Event(record.decode() if isinstance(record, bytes) else record, number)
    return Walk(event, macros or {}).node(tree)


class Walk:
    def __init__(self, event: Event, macros: Mapping[str, nodes.Node]) -> None:
        self.event = event
        self.macros = macros

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
            case nodes.Identifier():
                return self.node(self.macros[node.name])
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
            return compare(node.operator, left, constants) if isinstance(left, list) else left in constants
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
                return MISSING if any(one is MISSING for one in arguments) else applied(node.name, arguments)
        raise AssertionError(node)


def converted(text: str, like: Any) -> Any:
    """A constant in the type of the value that it is compared with."""
    return int(text) % 2**64 if isinstance(like, int) else text


def applied(name: str, arguments: list[Any]) -> Any:
    """A transformer of texts does its work on each value of a list."""
    if name in ("tolower", "toupper", "basename", "b64") and isinstance(arguments[0], list):
        values = [transformed(name, [one]) for one in arguments[0]]
        return MISSING if MISSING in values else values
    return transformed(name, arguments)


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
            return base64_text(first)
    raise AssertionError(name)


def base64_text(text: str) -> Any:
    bare = text.rstrip("=")
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return MISSING
    exact = base64.b64encode(data).decode()
    return data.decode("utf-8", "replace").split("\0")[0] if text in (exact, exact.rstrip("=")) else MISSING


def compare(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "in" if isinstance(left, list):
            return all(one in right for one in left)
        case "intersects" if isinstance(left, list):
            return any(one in right for one in left)
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
    """fnmatch with `*`, `?`, backslash and brackets (without classes and escapes in them), over bytes."""
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
    bracket = re.match(rb"\[([!^]?)(\]?[^]]*)\]", pattern)
    if bracket:
        return is_one_of(text[:1], bracket[2]) is not bool(bracket[1]) and _glob(pattern[bracket.end() :], text[1:])
    return (first == b"?" or first == text[:1]) and _glob(pattern[1:], text[1:])


def is_one_of(byte: bytes, members: bytes) -> bool:
    """Members are bytes and ranges of them, as in `a-z_`."""
    found = re.findall(rb"(.)-(.)|(.)", members, re.DOTALL)
    return any(byte == one if one else low <= byte <= high for low, high, one in found)


def is_path_prefix(pattern: str, path: str) -> bool:
    parts, wanted = ([part for part in text.split("/") if part] for text in (path, pattern))
    return len(wanted) <= len(parts) and all(is_part(one, other) for one, other in zip(wanted, parts, strict=False))


def is_part(pattern: str, part: str) -> bool:
    return is_glob(pattern, part) if set(pattern) & set("*?[") else pattern == part
