"""A compiled rule, and what comes of it when a record matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .checks import list_names, macro_names
from .compiler import Condition
from .items import Priority
from .output import OutputFormat, one_line
from .record import Record


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. `condition_text` is as written, after appends; `str(condition.tree)` is Falco's form.

    `exceptions` names those that have values, in the order in which they stand at the end of the condition; `lists`
    are all lists of the load, for those who show them by name.
    """

    name: str
    description: str
    priority: str
    severity: Priority
    tags: tuple[str, ...]
    source: str
    enabled: bool
    condition: Condition
    condition_text: str
    output_text: str
    output_format: OutputFormat
    event_names: frozenset[str] | None
    event_sources: frozenset[str] | None
    file: str
    line: int
    exceptions: tuple[str, ...] = ()
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @property
    def macros_used(self) -> frozenset[str]:
        """The macros that the condition names, those in macros among them."""
        return frozenset(macro_names(self.condition.check))

    @property
    def lists_used(self) -> frozenset[str]:
        """The lists that the condition and its macros name."""
        return frozenset(list_names(self.condition.check))


class Match:
    """A rule that matched a record.

    `output` is the message without time and priority, `output_fields` the fields in it by canonical text, None for a
    missing one. Both are made when they are first asked for.
    """

    __slots__ = ("_number", "_printed", "_raw", "_rule")

    def __init__(self, rule: Rule, raw: bytes, number: int) -> None:
        self._rule = rule
        self._raw = raw
        self._number = number
        self._printed: tuple[str, dict[str, Any]] | None = None

    def __repr__(self) -> str:
        return f"Match(rule={self.rule!r}, priority={self.priority!r}, output={self.output!r})"

    @property
    def rule(self) -> str:
        return self._rule.name

    @property
    def priority(self) -> str:
        return self._rule.priority

    @property
    def tags(self) -> tuple[str, ...]:
        return self._rule.tags

    @property
    def source(self) -> str:
        return self._rule.source

    @property
    def output(self) -> str:
        return self._print()[0]

    @property
    def output_fields(self) -> dict[str, Any]:
        return self._print()[1]

    def _print(self) -> tuple[str, dict[str, Any]]:
        if self._printed is None:
            record = Record(self._raw, self._number, self._rule.source)
            output_format = self._rule.output_format
            self._printed = one_line(output_format.text(record)), output_format.fields(record)
        return self._printed
