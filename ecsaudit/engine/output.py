"""Output formats: `%field`, `%10field`, `%transformer(field)`, and what they print.

After `%` the longest text that is a known field counts, so `%ct.name.suffix` prints the name and ".suffix".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .compiler import Compiler
from .errors import ConditionError, OutputError
from .fields import Extractor, find_field
from .nodes import Field, Transformer, Value
from .nodes import Operand as OperandNode
from .parser import Parser
from .record import Record, RecordInput
from .scanner import FIELD_NAME

_WIDTH = re.compile(r"[0-9]*")
_UNKNOWN = "unknown filter: unexpected token after '"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHORT_ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
MAX_WIDTH = 4096


@dataclass(frozen=True, slots=True)
class Token:
    """One `%…` of a format; `names` are the plain fields in it with their readers, by canonical text."""

    read: Extractor
    width: int
    names: tuple[tuple[str, Extractor], ...]


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A compiled format. With `keep_going` a missing field prints <NA>; without, printing stops there."""

    pieces: tuple[str | Token, ...]
    keep_going: bool

    def text(self, record: Record) -> str:
        """The message for a record."""
        result: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                result.append(piece)
                continue
            value = piece.read(record)
            if value is None and not self.keep_going:
                break
            text = "<NA>" if value is None else _as_text(value)
            result.append(_fit(text, piece.width) if piece.width else text)
        return "".join(result)

    def fields(self, record: Record) -> dict[str, Any]:
        """Each field of the format by its canonical text, with its value or None."""
        return {name: read(record) for piece in self.pieces if isinstance(piece, Token) for name, read in piece.names}


def compile_output(text: str, source: str = "aws_cloudtrail") -> OutputFormat:
    """A format, ready to print; raises OutputError for what isn't a field."""
    keep_going = text.startswith("*")
    pieces: list[str | Token] = []
    at = 1 if keep_going else 0
    while at < len(text):
        percent = text.find("%", at)
        if percent < 0:
            pieces.append(text[at:])
            break
        if percent > at:
            pieces.append(text[at:percent])
        token, at = _token(text, percent, source)
        pieces.append(token)
    return OutputFormat(tuple(pieces), keep_going)


def format_output(text: str, record: RecordInput, number: int = 1, source: str = "aws_cloudtrail") -> str:
    """Print a record. A format that starts with `*` prints <NA> for a missing field; any other stops there."""
    subject = Record(record, number, source)
    return compile_output(text, source).text(subject)


def one_line(text: str) -> str:
    """The text with control characters shown as JSON escapes, so that an alert stays one harmless line."""
    return _CONTROL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT_ESCAPES.get(character) or f"\\u{ord(character):04x}"


def _token(text: str, percent: int, source: str) -> tuple[Token, int]:
    width_match = _WIDTH.match(text, percent + 1)
    start = width_match.end() if width_match else percent + 1
    digits = text[percent + 1 : start]
    if start == len(text):
        ending = "a number" if digits else "a %"
        raise OutputError.at(f"invalid formatting syntax: formatting cannot end with {ending}", text, percent)
    width = int(digits[:9] or 0)
    if width > MAX_WIDTH:
        raise OutputError.at(f"a width of {digits[:9]}; at most {MAX_WIDTH} is allowed", text, percent)
    found = _transformer(text, start, source) or _field(text, start, source)
    if found is None:
        raise OutputError.at(_UNKNOWN, text, percent, _hint(text, start, source))
    node, end = found
    compiler = Compiler(text, source)
    names = tuple((str(field), compiler.operand(field).read) for field in _fields_of(node))
    return Token(compiler.operand(node).read, width, names), end


def _hint(text: str, start: int, source: str) -> str:
    if text[start] in "% ":
        return "a percent sign can't be printed"
    try:
        node = Parser(text, at=start).field()
        if node is not None:
            find_field(node.name, node.argument, source)
    except ConditionError as error:
        return error.hint
    return "a field's name has a dot, as in %ct.name" if node is None else ""


def _transformer(text: str, start: int, source: str) -> tuple[Transformer, int] | None:
    parser = Parser(text, at=start)
    try:
        node = parser.transformer()
        if node is None:
            return None
        Compiler(text, source).operand(node)
    except ConditionError:
        return None
    return node, parser.scanner.at


def _field(text: str, start: int, source: str) -> tuple[Field, int] | None:
    match = FIELD_NAME.match(text, start)
    if match is None:
        return None
    with_argument = _whole_field(text, start, source)
    if with_argument is not None:
        return with_argument
    name = match.group()[:100]
    while name:
        node = Field(name, None, start)
        if _is_known(node, source):
            return node, start + len(name)
        name = name[:-1]
    return None


def _whole_field(text: str, start: int, source: str) -> tuple[Field, int] | None:
    parser = Parser(text, at=start)
    try:
        node = parser.field()
    except ConditionError:
        return None
    return (node, parser.scanner.at) if node is not None and _is_known(node, source) else None


def _is_known(node: Field, source: str) -> bool:
    try:
        Compiler("", source).operand(node)
    except ConditionError:
        return False
    return True


def _fields_of(node: OperandNode) -> list[Field]:
    if isinstance(node, Field):
        return [node]
    if isinstance(node, Value):
        return []
    children = node.arguments if isinstance(node, Transformer) else node.children
    return [field for child in children for field in _fields_of(child)]


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"({','.join(value)})"
    return str(value)


def _fit(text: str, width: int) -> str:
    return text[:width].ljust(width)
