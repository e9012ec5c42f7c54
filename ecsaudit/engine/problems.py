"""Collecting problems: where one is (`Context`), how reading of an item stops (`ItemError`), and the log of all."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .errors import EngineError, Location, Problem
from .reader import Source, YamlNode

MAX_PROBLEMS = 2000
_SNIPPET_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Context:
    """The way to a place in a file."""

    locations: tuple[Location, ...]
    source: Source
    offset: int

    @classmethod
    def of_file(cls, source: Source, offset: int = 0) -> Context:
        return cls((Location("rules content"),), source, offset)

    def inside(self, item_type: str, item_name: str = "", node: YamlNode | None = None) -> Context:
        source, offset = (self.source, self.offset) if node is None else (node.source, node.start)
        return Context((*self.locations, Location(item_type, item_name)), source, offset)

    def at(self, source: Source, offset: int) -> Context:
        return replace(self, source=source, offset=offset)


class ItemError(EngineError):
    """What is wrong with an item, so that it is left out; ends up as a Problem."""

    def __init__(self, code: str, message: str, context: Context, hint: str = "") -> None:
        super().__init__(code, message, context, hint)
        self.code = code
        self.message = message
        self.context = context
        self.hint = hint


class ProblemLog:
    """Errors and warnings in the order found, each once."""

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self._seen: set[Problem] = set()

    def error(self, error: ItemError) -> None:
        self._add(self.errors, error.code, error.message, error.context, error.hint)

    def warn(self, code: str, message: str, context: Context, hint: str = "") -> None:
        self._add(self.warnings, code, message, context, hint)

    def _add(self, log: list[Problem], code: str, message: str, context: Context, hint: str) -> None:
        if len(log) >= MAX_PROBLEMS:
            return
        line, column = context.source.place(context.offset)
        snippet = caret_snippet(context.source.line(line), column)
        problem = Problem(code, message, context.locations, context.source.name, line, column, snippet, hint)
        if problem not in self._seen:
            self._seen.add(problem)
            log.append(problem)


def caret_snippet(line: str, column: int) -> str:
    """A line of a file with a caret below a 1-based column; a long line is cut around it."""
    start = max(0, column - 1 - _SNIPPET_WIDTH // 2) if len(line) > _SNIPPET_WIDTH else 0
    shown = line[start : start + _SNIPPET_WIDTH]
    before = shown[: column - 1 - start]
    blanks = "".join(character if character == "\t" else " " for character in before)
    return f"{shown}\n{blanks}^"
