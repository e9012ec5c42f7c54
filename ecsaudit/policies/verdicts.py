"""Which policies catch a finding, which don't, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecsaudit.policies.decide import Clause, chosen, clauses
from ecsaudit.policies.facts import Facts
from ecsaudit.policies.terms import Terms


@dataclass(frozen=True, slots=True)
class Verdict:
    """One policy about one finding: `tells` are the channels that hear of it by this policy, `already` those that a policy
    before it tells, `about` the one that the finding itself is about."""

    policy: Terms
    clauses: Sequence[Clause]
    tells: Sequence[int]
    already: Sequence[int]
    about: Sequence[int]

    @property
    def catches(self) -> bool:
        return all(clause.holds for clause in self.clauses)

    @property
    def failing(self) -> Sequence[Clause]:
        return [clause for clause in self.clauses if not clause.holds]


def verdicts(facts: Facts, policies: Sequence[Terms]) -> list[Verdict]:
    """One of each policy, in their order."""
    by = chosen(facts, policies)
    found = []
    for policy in policies:
        told = list(clauses(policy, facts))
        leads = policy.channels if policy.enabled and all(clause.holds for clause in told) else ()
        about = [pk for pk in leads if str(pk) == facts.about_channel]
        tells = [pk for pk in leads if pk in by and by[pk] is policy]
        found.append(Verdict(policy, told, tells, [pk for pk in leads if pk not in tells and pk not in about], about))
    return found
