"""Which of the rules in force a policy is about."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from ecsaudit import engine
from ecsaudit.findings.models import Priority
from ecsaudit.library.effective import Effective
from ecsaudit.library.models import Key
from ecsaudit.policies.decide import selects
from ecsaudit.policies.terms import Selection, Terms

# Answers that are kept; beyond, all are forgotten.
KEPT = 1_000


class Coverage:
    """Remembers what was asked, because lists ask it of all policies and all rules. Safe to share by threads."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.found: dict[tuple[Key, Selection], tuple[engine.Rule, ...]] = {}

    def rules(self, selection: Selection, effective: Effective) -> tuple[engine.Rule, ...]:
        """Those that are on, off or in the shadow alike."""
        key = effective.key, selection
        with self.lock:
            if key not in self.found:
                if len(self.found) >= KEPT:
                    self.found.clear()
                self.found[key] = tuple(rule for rule in effective.rules if is_about(selection, rule))
            return self.found[key]

    def policies_by_rule(self, policies: Iterable[Terms], effective: Effective) -> dict[str, list[str]]:
        """A rule's name → the names of the policies that are about it, in their order."""
        found: dict[str, list[str]] = {}
        for policy in policies:
            for rule in self.rules(policy.selection, effective):
                found.setdefault(rule.name, []).append(policy.name)
        return found


def is_about(selection: Selection, rule: engine.Rule) -> bool:
    return selects(selection, rule.name, Priority[rule.priority.upper()], rule.tags)


coverage = Coverage()
