"""Tests of rules: those shipped beside the rules, and records that people kept. A rule must match each, or must not.

TestRefused             a record that can't be kept as a test
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ecsaudit import engine
from ecsaudit.cloudtrail.models import EventBody
from ecsaudit.library.models import RuleTest
from ecsaudit.library.shipped_content import shipped_tests
from ecsaudit.people.models import User

LONGEST_RECORD = 500_000


class TestRefused(ValueError):
    """What is wrong with the record, and what to do."""

    # pytest collects classes by their names.
    __test__ = False


@dataclass(frozen=True, slots=True)
class Case:
    """A record to try a rule with. `pk` is that of a kept one, None for a shipped one; `why` a few words on it."""

    rule: str
    matches: bool
    why: str
    record: str
    pk: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a case came out; `explanation` says why."""

    case: Case
    passed: bool
    explanation: engine.Explanation


def cases_of(rules: Collection[str]) -> dict[str, list[Case]]:
    """The cases of each of these rules, shipped ones first; one query."""
    found: dict[str, list[Case]] = {rule: [] for rule in rules}
    for shipped in shipped_tests():
        if shipped.rule in found:
            found[shipped.rule].append(Case(shipped.rule, shipped.fires, shipped.why, shipped.record))
    for kept in RuleTest.objects.filter(rule__in=list(found)):
        found[kept.rule].append(Case(kept.rule, kept.matches, kept.why, kept.record, kept.pk))
    return found


def passed(case: Case, rule: engine.Rule) -> bool:
    return rule.condition.matches(case.record) is case.matches


def tally(rules: Collection[engine.Rule]) -> dict[str, tuple[int, int]]:
    """For each rule how many of its cases pass, and how many there are; one query."""
    cases = cases_of([rule.name for rule in rules])
    return {rule.name: (sum(passed(each, rule) for each in cases[rule.name]), len(cases[rule.name])) for rule in rules}


def results(rules: Mapping[str, engine.Rule], names: Iterable[str]) -> list[Result]:
    """Try the named rules, each with its cases."""
    return [
        Result(case, passed(case, rules[case.rule]), engine.explain(rules[case.rule], case.record))
        for cases in cases_of([name for name in names if name in rules]).values()
        for case in cases
    ]


def keep(*, rule: str, matches: bool, why: str, record: str, author: User) -> RuleTest:
    """Keep a record as a test of a rule. The same record again only changes what is expected. Raises TestRefused."""
    if len(record) > LONGEST_RECORD:
        raise TestRefused(f"the record has {len(record):,} characters; a test may have {LONGEST_RECORD:,}")
    try:
        parsed = json.loads(record)
    except (ValueError, RecursionError) as error:
        raise TestRefused(f"the record is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise TestRefused("the record must be one JSON object, as CloudTrail writes it: {…}")
    digest = hashlib.sha256(record.encode("utf-8", "surrogatepass")).hexdigest()
    test, _ = RuleTest.objects.update_or_create(
        rule=rule,
        digest=digest,
        defaults={"matches": matches, "why": why[:200]},
        create_defaults={
            "matches": matches,
            "why": why[:200],
            "compressed": EventBody.compress(record),
            "author": author,
        },
    )
    return test
