"""The rule set that judges: the library's last good one, compiled once in each process.

RulesBroken             there is no good rule set yet: the rule files hold errors; its text lists them
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from ecsaudit import engine
from ecsaudit.library import services
from ecsaudit.library.composing import judging
from ecsaudit.library.models import Key, Library, Mode, RuleSet


class RulesBroken(ValueError):
    """The rule files can't be used, and none before them could. Nothing is judged with half a rule set."""


@dataclass(frozen=True, slots=True)
class Effective:
    """A compiled rule set.

    `key` are its id and when it was made; `versions` the Version ids of the rules' texts; `shadows` the rules that only
    count.
    """

    key: Key
    rule_set: engine.RuleSet
    loaded: engine.LoadResult
    versions: dict[str, int]
    shadows: frozenset[str]

    @property
    def pk(self) -> int:
        return self.key[0]

    @property
    def rules(self) -> tuple[engine.Rule, ...]:
        return self.rule_set.rules

    def mode_of(self, rule: engine.Rule) -> Mode:
        return Mode.SHADOW if rule.name in self.shadows else Mode.ON if rule.enabled else Mode.OFF

    def never_match(self) -> set[str]:
        """The names of rules that no event can match, or that CloudTrail can't be asked for."""
        contradictory = {one.rule_name for one in self.loaded.warnings if one.code == "ECSAUDIT_NEVER_MATCHES"}
        return contradictory | {rule.name for rule in self.rules if rule.event_names is None}

    def event_names(self) -> set[str]:
        """The event names that rules which judge can match."""
        return {name for rule in self.rules if rule.enabled for name in rule.event_names or ()}


class EffectiveRules:
    """Asks the database which rule set judges, and compiles it when it is another. Safe to share by threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.effective: Effective | None = None

    def current(self) -> Effective:
        """The compiled rules; one query while they stay the same. RulesBroken says what to mend."""
        key = self.key() or self.first()
        with self.lock:
            if self.effective is None or self.effective.key != key:
                self.effective = compiled(RuleSet.objects.get(pk=key[0]))
            return self.effective

    def key(self) -> Key | None:
        return Library.objects.exclude(rule_set=None).values_list("rule_set_id", "rule_set__created_at").first()

    def first(self) -> Key:
        library = services.refresh()
        if library.rule_set is None:
            raise RulesBroken("; ".join(map(services.told, library.problems)))
        return library.rule_set.key


def compiled(rule_set: RuleSet) -> Effective:
    loaded = engine.load_rules(rule_set.pairs)
    shadows = frozenset(name for name, mode in rule_set.modes.items() if mode == Mode.SHADOW)
    return Effective(rule_set.key, judging(loaded, rule_set.modes), loaded, dict(rule_set.versions), shadows)


@lru_cache(maxsize=4)
def as_it_was(pk: int, created_at: datetime) -> Effective:
    """A rule set of the past, compiled again: to explain what it found."""
    return compiled(RuleSet.objects.get(pk=pk, created_at=created_at))


rules = EffectiveRules()
