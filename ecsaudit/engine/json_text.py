"""A JSON reader that keeps what Falco's keeps: number text, the first of duplicate keys, and the source text of
objects and arrays. It is as tolerant as the reader of Falco's plugins (fastjson): control characters inside
strings and unknown escapes are let through.

Values are str, JsonNumber, True, False, None, JsonObject and JsonArray. Strings end at an embedded NUL, as they
do in Falco. Slow (about 100 µs for a CloudTrail record): `record` reads with orjson where that is exact.
"""

from __future__ import annotations

import re
from typing import Any

# As deep as simdjson and orjson read.
MAX_DEPTH = 1024

_TOKEN = re.compile(
    r'[ \t\r\n]*(?:([{}\[\],:])|"((?:[^"\\]|\\.)*)"|(-?[0-9][0-9.eE+\-]*)|(true|false|null))', re.DOTALL
)
_TRAILING = re.compile(r"[ \t\r\n]*")
_ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL
)
_SIMPLE = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS = {"true": True, "false": False, "null": None}


class JsonNumber:
    """A number as its source text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class _Container:
    """Where a container's tokens stand among those of the whole document."""

    __slots__ = ()
    _tokens: list[str]
    _start: int
    _end: int

    @property
    def tokens(self) -> list[str]:
        return self._tokens[self._start : self._end]

    @property
    def text(self) -> str:
        """Without white space, strings with their original escapes."""
        return "".join(self.tokens)


class JsonObject(dict[str, Any], _Container):
    __slots__ = ("_end", "_start", "_tokens")


class JsonArray(list[Any], _Container):
    __slots__ = ("_end", "_start", "_tokens")


def parse(text: str) -> Any:
    """The document's value; ValueError if it is not JSON or nested deeper than MAX_DEPTH."""
    return _Reader(text).document()


def indent(tokens: list[str]) -> str:
    """The tokens laid out with two blanks a level, as Go's json.Indent does."""
    result: list[str] = []
    depth = 0
    previous = ""
    for token in tokens:
        if token in ("}", "]"):
            depth -= 1
            if previous not in ("{", "["):
                result.append("\n" + "  " * depth)
        elif previous in ("{", "["):
            result.append("\n" + "  " * depth)
        result.append(token)
        if token in ("{", "["):
            depth += 1
        elif token == ",":
            result.append("\n" + "  " * depth)
        elif token == ":":
            result.append(" ")
        previous = token
    return "".join(result)


def decode_string(raw: str) -> str:
    """The text between a string's quotes, unescaped; an escape that stands for nothing stays as it is."""
    return _ESCAPE.sub(_unescape, raw) if "\\" in raw else raw


def _unescape(match: re.Match[str]) -> str:
    high, low, single, simple = match.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00))
    if single:
        code = int(single, 16)
        return match.group() if 0xD800 <= code <= 0xDFFF else chr(code)
    return _SIMPLE.get(simple, match.group())


class _Reader:
    """One pass over the tokens with a stack of open containers."""

    __slots__ = ("at", "open", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.tokens: list[str] = []
        self.open: list[JsonObject | JsonArray] = []

    def next(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not JSON at character {self.at}")
        self.at = match.end()
        token = match.group().lstrip(" \t\r\n")
        self.tokens.append(token)
        return token

    def document(self) -> Any:
        value = self.value(self.next())
        while self.open:
            self.member(self.open[-1])
        match = _TRAILING.match(self.text, self.at)
        if match is None or match.end() != len(self.text):
            raise ValueError(f"text after the end of the document at character {self.at}")
        return value

    def member(self, container: JsonObject | JsonArray) -> None:
        """Read the container's next member, or its end."""
        token = self.next()
        closing = "}" if isinstance(container, JsonObject) else "]"
        if token == closing:
            container._end = len(self.tokens)
            self.open.pop()
            return
        if container._end:
            if token != ",":
                raise ValueError(f"expected ',' or '{closing}' before character {self.at}")
            token = self.next()
        # Until the container is closed, `_end` only says that it has a member.
        container._end = 1
        if isinstance(container, JsonArray):
            container.append(self.value(token))
            return
        if token[0] != '"' or self.next() != ":":
            raise ValueError(f"expected a key and ':' before character {self.at}")
        key = decode_string(token[1:-1])
        value = self.value(self.next())
        container.setdefault(key, value)

    def value(self, token: str) -> Any:
        first = token[0]
        if first == '"':
            return decode_string(token[1:-1]).partition("\0")[0]
        if first in "{[":
            return self.enter(JsonObject() if first == "{" else JsonArray())
        if token in _WORDS:
            return _WORDS[token]
        if first in "}],:":
            raise ValueError(f"expected a value before character {self.at}")
        return JsonNumber(token)

    def enter(self, container: JsonObject | JsonArray) -> JsonObject | JsonArray:
        if len(self.open) >= MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        container._tokens = self.tokens
        container._start = len(self.tokens) - 1
        container._end = 0
        self.open.append(container)
        return container
