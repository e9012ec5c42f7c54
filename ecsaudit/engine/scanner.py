"""Characters to tokens, on demand: the parser says which token it wants next, because operators and keywords
are legal inside bare values."""

from __future__ import annotations

import re

from .errors import ConditionError

_SPACE = r" \t\n\v\f\r"

IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*+")
FIELD_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*+(?:\.[a-zA-Z][a-zA-Z0-9_]*+)+")
BARE_ARGUMENT = re.compile(rf"[^\]\[\"'{_SPACE}]+")
BARE_VALUE = re.compile(rf"[^()\"'{_SPACE}=,]+")
HEX_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+")
NUMBER = re.compile(r"[+-]?[0-9]+[.]?[0-9]*(?:[eE][+-][0-9]+)?")
NOT = re.compile(rf"not[{_SPACE}]+")

_BLANKS = re.compile(r"[ \t\b\r\n]*")
_SIMPLE_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", " ": "\\", "/": "/"}
_HEX_PAIR = re.compile(r"[0-9a-fA-F]{2}")


class Scanner:
    """A position in a text. `last` is the token read last, for messages."""

    __slots__ = ("at", "last", "text")

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at
        self.last = ""

    def error(self, message: str, hint: str = "") -> ConditionError:
        return ConditionError.at(message, self.text, self.at, hint)

    def blanks(self) -> bool:
        """Skip blanks; True if there were any."""
        match = _BLANKS.match(self.text, self.at)
        end = match.end() if match else self.at
        skipped = end > self.at
        self.at = end
        return skipped

    def literal(self, word: str) -> bool:
        if not self.text.startswith(word, self.at):
            return False
        self.at += len(word)
        self.last = word
        return True

    def token(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        self.last = match.group()
        return self.last

    def quoted(self) -> str | None:
        """A quoted string, unescaped. It ends at its quote unless the previous character is a backslash."""
        quote = self.text[self.at : self.at + 1]
        if quote not in ('"', "'"):
            return None
        end = self.at + 1
        while True:
            end = self.text.find(quote, end)
            if end < 0:
                return None
            if self.text[end - 1] != "\\":
                break
            end += 1
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        self.last = inside
        if "\\" in inside:
            self.last = inside = self._unescape(inside, quote)
        return inside

    def _unescape(self, text: str, quote: str) -> str:
        pieces = text.split("\\")
        result = [pieces[0]]
        i = 1
        while i < len(pieces):
            piece = pieces[i]
            if piece:
                result.append(self._escape(piece, quote))
            else:
                # Two backslashes: the empty piece between them, then text that is not an escape.
                result.append("\\")
                i += 1
                result.append(pieces[i] if i < len(pieces) else "")
            i += 1
        return "".join(result)

    def _escape(self, piece: str, quote: str) -> str:
        """The text that follows a backslash, with the escape at its start resolved."""
        kind = piece[0]
        if kind in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[kind] + piece[1:]
        if kind in "\"'":
            if kind != quote:
                raise self.error(f"invalid \\{kind} escape in {quote}-quoted string")
            return piece
        if kind == "x":
            digits = piece[1:3]
            if len(digits) < 2:
                raise self.error("truncated hex char escape sequence")
            if not _HEX_PAIR.fullmatch(digits):
                raise self.error(f"invalid hex char escape sequence: {digits}")
            return chr(int(digits, 16)) + piece[3:]
        hint = 'write a backslash as \\\\, as in "\\\\."' if kind in "dwsbDWSB.*+?()[]{}|^$" else ""
        raise self.error(f"unsupported string escape sequence: \\{kind}", hint)
