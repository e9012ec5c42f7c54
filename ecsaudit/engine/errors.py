"""Errors and problems.

    EngineError
    ├── ConditionError     a condition, field or transformer that can't be used: what, and where in the text
    │   └── OutputError    the same for an output format
    ├── RecordError        a record that isn't text, bytes or a JSON object
    ├── reader.ReadingError  a text that is no rule file; loading makes a problem of it
    └── problems.ItemError, resolver.MacroIsBrokenError
                           inside the package: loading turns them into problems

Raised errors are for one text; what is wrong in rule files is collected as `Problem` values instead.
All of them survive pickling.
"""

from __future__ import annotations

from dataclasses import dataclass


class EngineError(Exception):
    """Any error that this package raises on purpose."""


class ConditionError(EngineError):
    """`message` in Falco's words; `index` (0-based, UTF-8 bytes), `line` and `column` (1-based) as Falco counts them.

    `offset` is the same place in characters; `hint` tells how to mend it, or is empty.
    """

    def __init__(
        self, message: str, index: int = 0, line: int = 1, column: int = 1, offset: int = 0, hint: str = ""
    ) -> None:
        super().__init__(message, index, line, column, offset, hint)
        self.message = message
        self.index = index
        self.line = line
        self.column = column
        self.offset = offset
        self.hint = hint

    @classmethod
    def at(cls, message: str, text: str, offset: int, hint: str = "") -> ConditionError:
        """The error for a place in a text, given in characters."""
        before = text[:offset]
        index = utf8_length(before)
        last_break = max(before.rfind("\n"), before.rfind("\r"))
        line = 1 + before.count("\n") + before.count("\r")
        return cls(message, index, line, utf8_length(before[last_break + 1 :]) + 1, offset, hint)

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.message} (line {self.line}, column {self.column}){hint}"


class OutputError(ConditionError):
    """An output format that can't be used."""


class RecordError(EngineError):
    """A record of a kind that can't be read at all, such as a number."""


def utf8_length(text: str) -> int:
    """The length in bytes, also of text that holds lone surrogates."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Location:
    """One step of the way to a problem, for example ("rule", "Terminal Shell in ECS Container")."""

    item_type: str
    item_name: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning in a rule file. `line` and `column` are 1-based, in the author's own text.

    `code` is Falco's (LOAD_ERR_…, LOAD_…) or, for warnings that Falco doesn't have, starts with ECSAUDIT_.
    `locations` leads from the file to the innermost item; `snippet` is the line with a caret below it.
    """

    code: str
    message: str
    locations: tuple[Location, ...]
    file: str
    line: int
    column: int
    snippet: str
    hint: str = ""

    @property
    def item_type(self) -> str:
        return self.locations[-1].item_type

    @property
    def item_name(self) -> str:
        return self.locations[-1].item_name

    @property
    def rule_name(self) -> str:
        """The rule, macro or list that the problem belongs to, or the empty text."""
        return next((step.item_name for step in self.locations if step.item_type in ("rule", "macro", "list")), "")

    def __str__(self) -> str:
        owner = f" [{self.rule_name}]" if self.rule_name else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.code}: {self.message}{hint}{owner}"
