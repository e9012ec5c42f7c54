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
from ecsaudit.library.composing import judging, switched
from ecsaudit.library.models import Key, Library, Mode, RuleSet


class RulesBroken(ValueError):
    """The rule files can't be used, and none before them could. Nothing is judged with half a rule set."""


@dataclass(frozen=True, slots=True)
class Effective:
    """A compiled rule set.

    `key` are its id and when it was made; `rules` are switched on and off as they stand; `versions` are the Version ids
    of their texts. All of them judge, so that an event is judged once: what those in `quiet` match is only counted,
    because they are off or in the shadow (`shadows`). `excepting` are those of the others that have exceptions.
    """

    key: Key
    rules: tuple[engine.Rule, ...]
    rule_set: engine.RuleSet
    loaded: engine.LoadResult
    versions: dict[str, int]
    shadows: frozenset[str]
    quiet: frozenset[str]
    excepting: tuple[engine.Rule, ...]

    @property
    def pk(self) -> int:
        return self.key[0]

    def mode_of(self, rule: engine.Rule) -> Mode:
        return Mode.SHADOW if rule.name in self.shadows else Mode.ON if rule.enabled else Mode.OFF

    def never_match(self) -> set[str]:
        """The names of rules that no event can match, or that CloudTrail can't be asked for."""
        contradictory = {one.rule_name for one in self.loaded.warnings if one.code == "ECSAUDIT_NEVER_MATCHES"}
        return contradictory | {rule.name for rule in self.rules if rule.event_names is None}

    def excepted_by(self, record: str, event_name: str) -> tuple[str, ...]:
        """The names of the exceptions that keep rules which make findings from matching an event."""
        asked = (rule for rule in self.excepting if rule.event_names is None or event_name in rule.event_names)
        return tuple(name for rule in asked for name in engine.excepted_by(rule, record))

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

    def held(self) -> Effective:
        """The same, in a transaction until whose end nobody can put other rules in force."""
        Library.hold()
        return self.current()

    def key(self) -> Key | None:
        return Library.objects.exclude(rule_set=None).values_list("rule_set_id", "rule_set__created_at").first()

    def first(self) -> Key:
        library = services.refresh()
        if library.rule_set is None:
            raise RulesBroken("; ".join(map(services.told, library.problems)))
        return library.rule_set.key


def compiled(rule_set: RuleSet) -> Effective:
    loaded = engine.load_rules(rule_set.pairs)
    rules = switched(loaded.rules, rule_set.modes)
    shadows = frozenset(name for name, mode in rule_set.modes.items() if mode == Mode.SHADOW)
    quiet = shadows | {rule.name for rule in rules if not rule.enabled}
    excepting = tuple(rule for rule in rules if rule.exceptions and rule.name not in quiet)
    return Effective(rule_set.key, rules, judging(rules), loaded, dict(rule_set.versions), shadows, quiet, excepting)


@lru_cache(maxsize=4)
def as_it_was(pk: int, created_at: datetime) -> Effective:
    """A rule set of the past, compiled again: to explain what it found."""
    return compiled(RuleSet.objects.get(pk=pk, created_at=created_at))


rules = EffectiveRules()
