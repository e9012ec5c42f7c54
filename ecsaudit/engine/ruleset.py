"""Compiled rules, and judging records with them.

Rules are kept under the event names that they require, so that a record runs only the rules that its own event name
lets match, and for most records none at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .compiler import Condition
from .fields import CLOUDTRAIL_SOURCES
from .items import Priority
from .output import OutputFormat, one_line
from .record import Record, RecordInput


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matched a record. `output` is the message without time and priority."""

    rule: str
    priority: str
    tags: tuple[str, ...]
    source: str
    output: str
    output_fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. `condition_text` is as written, after appends; `str(condition.tree)` is Falco's form."""

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

    def match(self, record: Record) -> Match:
        return Match(
            self.name,
            self.priority,
            self.tags,
            self.source,
            one_line(self.output_format.text(record)),
            self.output_format.fields(record),
        )


class RuleSet:
    """Rules in definition order. Make a new one to change it."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        # A record is CloudTrail's; rules of another source never see it.
        self._enabled = tuple(rule for rule in self.rules if rule.enabled and rule.source in CLOUDTRAIL_SOURCES)
        self._unbounded = tuple(rule for rule in self._enabled if rule.event_names is None)
        names = {name for rule in self._enabled for name in rule.event_names or ()}
        self._by_event_name = {
            name: tuple(rule for rule in self._enabled if rule.event_names is None or name in rule.event_names)
            for name in names
        }

    def __len__(self) -> int:
        return len(self.rules)

    def evaluate(self, record: RecordInput, number: int = 1) -> list[Match]:
        """Every enabled rule that matches, in definition order. `number` is evt.num.

        Text that isn't JSON has no fields. Raises RecordError for what is neither text, bytes nor a JSON object.
        """
        subject = Record(record, number)
        root = subject.root
        name = root.get("eventName", "") if isinstance(root, dict) else ""
        # A name that isn't text is text for json.value, so that any rule may match.
        rules = self._by_event_name.get(name, self._unbounded) if type(name) is str else self._enabled
        matches: list[Match] = []
        for rule in rules:
            subject.source = rule.source
            if rule.condition.test(subject):
                matches.append(rule.match(subject))
        return matches

    def event_names(self) -> frozenset[str] | None:
        """The event names that some enabled rule can match; None if one can match any."""
        if self._unbounded:
            return None
        return frozenset(self._by_event_name)
