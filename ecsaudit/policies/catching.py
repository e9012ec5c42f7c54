"""Whether policies catch many findings: what the findings share is asked once. Pure, and the same as decide.catches."""

from __future__ import annotations

from ecsaudit.policies.decide import scope_clause, selects
from ecsaudit.policies.facts import Circumstances, Facts
from ecsaudit.policies.terms import SCOPE, Terms


class Catcher:
    """One policy. It remembers the answer about each rule, with its priority and tags, and about each value in its scope."""

    __slots__ = ("about_rules", "about_values", "policy")

    def __init__(self, policy: Terms) -> None:
        self.policy = policy
        self.about_rules: dict[tuple[str, int, tuple[str, ...]], bool] = {}
        self.about_values: dict[tuple[str, tuple[str, ...]], bool] = {}

    def catches(self, facts: Facts) -> bool:
        key = facts.rule, facts.priority, facts.tags
        selected = self.about_rules.get(key)
        if selected is None:
            selected = self.about_rules[key] = selects(self.policy.selection, *key)
        return selected and self.covers(facts.circumstances)

    def covers(self, circumstances: Circumstances) -> bool:
        return all(self.holds(dimension, circumstances.values(dimension)) for dimension in self.policy.scope) and (
            self.policy.hours is None or self.policy.hours.include(circumstances.at)
        )

    def holds(self, dimension: str, values: tuple[str, ...]) -> bool:
        key = dimension, values
        held = self.about_values.get(key)
        if held is None:
            wanted = self.policy.scope[dimension]
            held = self.about_values[key] = scope_clause(SCOPE[dimension], dimension, wanted, values).holds
        return held


class Catchers:
    """Many policies: called as catches() is, with policies that are the same objects each time."""

    def __init__(self) -> None:
        # by id, which stays theirs while a Catcher holds them
        self.known: dict[int, Catcher] = {}

    def __call__(self, policy: Terms, facts: Facts) -> bool:
        catcher = self.known.get(id(policy))
        if catcher is None:
            catcher = self.known[id(policy)] = Catcher(policy)
        return catcher.catches(facts)
