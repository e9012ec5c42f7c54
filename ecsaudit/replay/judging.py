"""What a replay asks of each event. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ecsaudit import engine
from ecsaudit.cloudtrail.record import storable
from ecsaudit.library.composing import judging
from ecsaudit.library.effective import Effective
from ecsaudit.replay.models import Change

LONGEST_NAME = 256
_LIVE, _DRAFT = "-", "+"


def stored_name(name: str) -> str:
    """A rule's name as rows have it."""
    return storable(name, LONGEST_NAME)


def chosen(rules: Iterable[engine.Rule], names: Collection[str]) -> list[engine.Rule]:
    """The rules of these names, as rows have them."""
    return [rule for rule in rules if stored_name(rule.name) in names]


class Comparison:
    """The same rules as they are in force and as a draft has them, in one rule set: so that an event is read once."""

    def __init__(self, live: Effective, draft: Effective, names: Collection[str]) -> None:
        sides = ((_LIVE, live), (_DRAFT, draft))
        self.rule_set = judging(
            replace(rule, name=side + rule.name) for side, each in sides for rule in chosen(each.rules, names)
        )

    def changes(self, record: bytes | str) -> list[tuple[str, Change]]:
        """(rule, what the draft makes of its match) of each rule that matches on either side."""
        matches = self.rule_set.evaluate(record)
        if not matches:
            return []
        sides: dict[str, str] = {}
        for match in matches:
            name = stored_name(match.rule[1:])
            sides[name] = sides.get(name, "") + match.rule[0]
        return [(name, _CHANGES[side]) for name, side in sides.items()]


_CHANGES = {_LIVE: Change.GONE, _DRAFT: Change.NEW, _LIVE + _DRAFT: Change.UNCHANGED}


def asked_names(rules: Iterable[engine.Rule]) -> frozenset[str] | None:
    """The event names that one of the rules can match; None when one can match any."""
    return judging(rules).event_names()
