"""Compiled rules, and judging records with them."""

from __future__ import annotations

from collections.abc import Iterable

from .dispatch import Dispatcher
from .fields import CLOUDTRAIL_SOURCES
from .record import Record, RecordInput, parse, to_bytes
from .rules import Match, Rule


class RuleSet:
    """Rules in definition order. Make a new one to change it. Safe to share by threads."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        # A record is CloudTrail's; rules of another source never see it.
        self._enabled = tuple(rule for rule in self.rules if rule.enabled and rule.source in CLOUDTRAIL_SOURCES)
        self._dispatcher = Dispatcher(self._enabled)

    def __len__(self) -> int:
        return len(self.rules)

    def evaluate(self, record: RecordInput, number: int = 1) -> list[Match]:
        """Every enabled rule that matches, in definition order. `number` is evt.num.

        Text that isn't JSON has no fields. Raises RecordError for what is neither text, bytes nor a JSON object.
        """
        raw = record if type(record) is bytes else to_bytes(record)
        document = parse(raw)
        plan = self._dispatcher.all if document is None else self._dispatcher.plan(raw, document)
        if not plan:
            return []
        subject: Record | None = None
        matches: list[Match] = []
        for rule, test in plan:
            if test is not None:
                if subject is None:
                    subject = Record.parsed(raw, document, number)
                subject.source = rule.source
                if not test(subject):
                    continue
            matches.append(Match(rule, raw, number))
        return matches

    def event_names(self) -> frozenset[str] | None:
        """The event names that some enabled rule can match; None if one can match any."""
        names: set[str] = set()
        for rule in self._enabled:
            if rule.event_names is None:
                return None
            names |= rule.event_names
        return frozenset(names)
