"""Which finding goes where, and why. No database, no side effects.

decide(finding, facts, policies) → list[Routing]        what is to be told
clauses(policy, facts) → Clause …                       why a policy catches a finding, or doesn't
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from ecsaudit.compliance.frameworks import FRAMEWORKS, control_of_key, keys_of
from ecsaudit.findings.models import Finding, Priority
from ecsaudit.findings.severity import SEVERITIES
from ecsaudit.notifications.routing import Routing
from ecsaudit.policies.facts import Circumstances, Facts
from ecsaudit.policies.patterns import Patterns
from ecsaudit.policies.terms import SCOPE, Grouping, Selection, Terms

Catch = Callable[[Terms, Facts], bool]
UNKNOWN = {
    "service": "CloudTrail does not name the service of this event",
    "container": "the event names no container",
    "cluster": "the event names no cluster",
    "role": "no role is known",
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that a policy asks, and whether it holds for a finding. The text quotes names that anybody wrote."""

    holds: bool
    text: str


def decide(finding: Finding, facts: Facts, policies: Iterable[Terms], catch: Catch | None = None) -> list[Routing]:
    """What is to be told about a finding: each channel once, by the first policy in their order that leads to it.

    `catch` is catches(), or something of policies.catching that answers the same faster.
    """
    told = chosen(facts, policies, catch)
    return [routing_of(finding, facts, policy, channel_id) for channel_id, policy in told.items()]


def chosen(facts: Facts, policies: Iterable[Terms], catch: Catch | None = None) -> dict[int, Terms]:
    """The channels that shall hear of a finding, each with the policy that says so."""
    catch = catch or catches
    found: dict[int, Terms] = {}
    for policy in policies:
        # Whoever has all channels that this one leads to is not looked at.
        new = [pk for pk in policy.channels if pk not in found and str(pk) != facts.about_channel]
        if new and policy.enabled and catch(policy, facts):
            found |= dict.fromkeys(new, policy)
    return found


def routing_of(finding: Finding, facts: Facts, policy: Terms, channel_id: int) -> Routing:
    return Routing(
        finding=finding,
        channel_id=channel_id,
        policy_name=policy.name,
        severity=severity_of(policy, facts.priority),
        throttle=throttle_of(policy),
        throttle_key=throttle_key(policy.grouping, facts),
        runbook_url=policy.runbook_url,
    )


def severity_of(policy: Terms, priority: int) -> str:
    """The ASFF label that a finding is told with."""
    return policy.severity or SEVERITIES[priority].value


def throttle_of(policy: Terms) -> timedelta:
    return timedelta() if policy.grouping == Grouping.FINDING else policy.throttle


def throttle_key(grouping: Grouping, facts: Facts) -> str:
    """What is the same for findings that share a throttle."""
    if grouping == Grouping.GROUP:
        return facts.group_key
    if grouping == Grouping.RULE:
        return facts.rule
    return facts.circumstances.person if grouping == Grouping.PERSON else ""


def catches(policy: Terms, facts: Facts) -> bool:
    """Whether all that the policy asks holds; whether it is on is not asked here."""
    return all(clause.holds for clause in clauses(policy, facts))


def clauses(policy: Terms, facts: Facts) -> Iterator[Clause]:
    """Everything that a policy asks of a finding, in the order of its page. One that asks nothing catches all."""
    yield from rule_clauses(policy.selection, facts.rule, facts.priority, facts.tags)
    yield from scope_clauses(policy, facts.circumstances)


def selects(selection: Selection, rule: str, priority: int, tags: tuple[str, ...]) -> bool:
    """Whether a rule is among those that a policy is about."""
    return all(clause.holds for clause in rule_clauses(selection, rule, priority, tags))


def rule_clauses(selection: Selection, rule: str, priority: int, tags: tuple[str, ...]) -> Iterator[Clause]:
    if selection.priority is not None:
        word, least = Priority(priority).label, Priority(selection.priority).label
        holds = priority <= selection.priority
        yield Clause(holds, f"priority {word} is {'at least' if holds else 'milder than'} {least}")
    if left_out := selection.rules.leaves_out((rule,)):
        yield Clause(False, f"rule “{rule}” is left out by “not {left_out.text}”")
    if left_out := selection.tags.leaves_out(tags):
        yield Clause(False, f"a tag of its rule is left out by “not {left_out.text}”")
    if selection.picks:
        yield pick_clause(selection, rule, tags)


def pick_clause(selection: Selection, rule: str, tags: tuple[str, ...]) -> Clause:
    if named := selection.rules.names((rule,)):
        return Clause(True, f"rule “{rule}” is picked by its name, “{named.text}”")
    if named := selection.tags.names(tags):
        return Clause(True, f"its rule has a tag “{named.text}”")
    if selection.controls and (served := sorted(selection.controls & served_by(tags))):
        return Clause(True, f"its rule serves {control_in_words(served[0])}")
    return Clause(False, f"rule “{rule}” is picked neither by name nor by tag, framework or control")


@lru_cache(maxsize=4_096)
def served_by(tags: tuple[str, ...]) -> frozenset[str]:
    """The keys of what these tags name; lists of tags are few, and asked again and again."""
    return keys_of(tags)


def control_in_words(key: str) -> str:
    """`PCI DSS 10.2.1`, or `PCI DSS` for a framework's key."""
    if key in FRAMEWORKS:
        return FRAMEWORKS[key].name
    control = control_of_key(key)
    return f"{control.framework_name} {control.identifier}" if control else key


def scope_clauses(policy: Terms, circumstances: Circumstances) -> Iterator[Clause]:
    for dimension, word in SCOPE.items():
        wanted = policy.scope.get(dimension)
        if wanted:
            yield scope_clause(word, dimension, wanted, circumstances.values(dimension))
    if policy.hours is not None:
        local = policy.hours.local(circumstances.at)
        holds = policy.hours.include(circumstances.at)
        yield Clause(
            holds, f"{local:%a %H:%M} {policy.hours.zone} is {'within' if holds else 'not within'} “{policy.hours}”"
        )


def scope_clause(word: str, dimension: str, wanted: Patterns, values: tuple[str, ...]) -> Clause:
    value = next(filter(None, values), "")
    if left_out := wanted.leaves_out(values):
        return Clause(False, f"{word} {value} is left out by “not {left_out.text}”")
    if not wanted.included:
        return Clause(True, f"{word} {value} is not left out" if value else f"no {word} is left out")
    if named := wanted.names(values):
        return Clause(True, f"{word} {value} is “{named.text}”")
    if not value:
        return Clause(False, f"{UNKNOWN.get(dimension, f'no {word} is known')}, and “{wanted}” is asked for")
    return Clause(False, f"{word} {value} is not among “{wanted}”")
