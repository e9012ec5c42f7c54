"""Which finding goes where, as tables: no database is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecsaudit.findings.models import Finding
from ecsaudit.policies.decide import catches, chosen, clauses, decide, selects
from ecsaudit.policies.hours import Hours
from ecsaudit.policies.terms import SCOPE, Grouping, Selection, Terms
from tests.policies.terms import AT, SHELL, place, policy, selection

MONDAYS = Hours(frozenset({0}), time(9), time(17))


@pytest.mark.parametrize(
    ("wanted", "expected", "told"),
    [
        (selection(), True, ""),
        (selection(rules="terminal shell in ecs container"), True, "is picked by its name"),
        (selection(rules="Terminal*"), True, "“Terminal*”"),
        (selection(rules="Another"), False, "neither by name nor by tag, framework or control"),
        (selection(rules="not Terminal*"), False, "is left out by “not Terminal*”"),
        (selection(rules="not Another"), True, ""),
        (selection(tags="aws_*"), True, "has a tag “aws_*”"),
        (selection(tags="gcp"), False, "neither"),
        (selection(tags="not aws_*"), False, "a tag of its rule is left out"),
        (selection(controls="pci-dss"), True, "its rule serves PCI DSS"),
        (selection(controls="pci-dss:10.2.1"), True, "its rule serves PCI DSS 10.2.1"),
        (selection(controls="pci-dss:8.3.1 soc-2"), False, "neither"),
        (selection(controls="soc-2", tags="gcp", rules="Terminal*"), True, "picked by its name"),
        (selection(controls="pci-dss", rules="not Terminal*"), False, "left out"),
        (selection(priority=4), True, "priority Warning is at least Warning"),
        (selection(priority=3), False, "priority Warning is milder than Error"),
        (selection(priority=3, rules="Terminal*"), False, "milder"),
    ],
)
def test_rules_are_picked_by_name_tag_or_control_and_none_that_is_milder(
    wanted: Selection, expected: bool, told: str
) -> None:
    terms = policy(selection=wanted)
    assert catches(terms, SHELL) is expected
    assert selects(wanted, SHELL.rule, SHELL.priority, SHELL.tags) is expected
    assert told in " · ".join(clause.text for clause in clauses(terms, SHELL))


@pytest.mark.parametrize(
    ("scope", "expected", "told"),
    [
        ({"account": "111122223333"}, True, "account 111122223333 is “111122223333”"),
        ({"account": "Pay*"}, True, "“Pay*”"),
        ({"account": "*; not pay*"}, False, "is left out by “not pay*”"),
        ({"region": "us-*"}, False, "Region eu-west-1 is not among “us-*”"),
        ({"region": "us-*; eu-*"}, True, "Region eu-west-1 is “eu-*”"),
        ({"region": "not us-*"}, True, "Region eu-west-1 is not left out"),
        ({"cluster": "prod-*"}, True, ""),
        ({"container": "web"}, True, ""),
        ({"person": "ANA@example.com"}, True, ""),
        ({"person": "not ana@*"}, False, "person ana@example.com is left out"),
        ({"role": "Developer"}, True, ""),
        ({"role": "AWSReservedSSO_Dev*"}, True, ""),
        ({"role": "Admin"}, False, "is not among “Admin”"),
        ({"service": "*"}, False, "CloudTrail does not name the service of this event, and “*” is asked for"),
        ({"service": "not web"}, True, "no service is left out"),
        ({"region": "eu-*", "cluster": "dev"}, False, "cluster prod-payments is not among “dev”"),
    ],
)
def test_each_dimension_of_the_scope_must_hold_and_says_why(scope: dict[str, str], expected: bool, told: str) -> None:
    terms = policy(scope=scope)
    assert catches(terms, SHELL) is expected
    assert told in " · ".join(clause.text for clause in clauses(terms, SHELL))


def test_hours_are_part_of_the_scope() -> None:
    terms = policy(hours=MONDAYS)
    assert catches(terms, SHELL)
    late = place(at=AT + timedelta(hours=9))
    assert [clause.text for clause in clauses(terms, late)] == ["Mon 18:30 UTC is not within “Mon 09:00–17:00 UTC”"]
    assert catches(policy(hours=replace(MONDAYS, outside=True)), late)


def test_a_finding_reaches_a_channel_once_by_the_first_policy_that_leads_there() -> None:
    first = policy(name="First", channels=(1, 2), severity="LOW", runbook_url="https://example.com/1")
    second = policy(name="Second", channels=(2, 3), severity="HIGH")
    found = decide(Finding(pk=1), SHELL, [first, second])
    assert [(each.channel_id, each.policy_name, each.severity) for each in found] == [
        (1, "First", "LOW"),
        (2, "First", "LOW"),
        (3, "Second", "HIGH"),
    ]
    assert found[0].runbook_url == "https://example.com/1"


def test_a_policy_that_is_off_or_leads_nowhere_or_asks_for_something_else_decides_nothing() -> None:
    for terms in (policy(enabled=False), policy(channels=()), policy(scope={"region": "us-*"})):
        assert decide(Finding(pk=1), SHELL, [terms]) == []


def test_a_finding_about_a_channel_is_not_told_there() -> None:
    about = replace(SHELL, about_channel="1")
    assert list(chosen(about, [policy(channels=(1, 2))])) == [2]


@pytest.mark.parametrize(
    ("priority", "severity", "expected"),
    [(0, "", "CRITICAL"), (2, "", "CRITICAL"), (3, "", "HIGH"), (4, "", "MEDIUM"), (7, "", "INFORMATIONAL"), (7, "HIGH", "HIGH")],
)  # fmt: skip
def test_severity_is_the_rule_s_unless_the_policy_fixes_it(priority: int, severity: str, expected: str) -> None:
    found = decide(Finding(pk=1), replace(SHELL, priority=priority), [policy(severity=severity)])
    assert found[0].severity == expected


@pytest.mark.parametrize(
    ("grouping", "key", "minutes"),
    [
        (Grouping.FINDING, "", 0),
        (Grouping.GROUP, "7", 15),
        (Grouping.RULE, SHELL.rule, 15),
        (Grouping.PERSON, "ana@example.com", 15),
        (Grouping.ALL, "", 15),
    ],
)
def test_grouping_says_what_shares_a_throttle(grouping: Grouping, key: str, minutes: int) -> None:
    found = decide(Finding(pk=1), SHELL, [policy(grouping=grouping, throttle=timedelta(minutes=15))])
    assert (found[0].throttle_key, found[0].throttle) == (key, timedelta(minutes=minutes))


NAMES = st.text(alphabet="ab*", min_size=1, max_size=3)
SCOPES = st.dictionaries(st.sampled_from(sorted(SCOPE)), NAMES.map(lambda name: f"{name}; not {name}b"), max_size=3)


@st.composite
def some_policies(draw: st.DrawFn) -> list[Terms]:
    return [
        policy(
            name=str(number),
            enabled=draw(st.booleans()),
            channels=tuple(draw(st.lists(st.integers(1, 4), max_size=3, unique=True))),
            scope=draw(SCOPES),
            selection=selection(priority=draw(st.none() | st.integers(0, 7))),
        )
        for number in range(draw(st.integers(0, 5)))
    ]


PLACES = st.fixed_dictionaries(
    {name: st.text(alphabet="ab", max_size=3) for name in ("region", "cluster", "service", "container", "person")}
)


@given(some_policies(), PLACES, st.sampled_from(["", "1", "2"]))
def test_every_channel_is_told_by_the_first_policy_that_catches_and_only_once(
    policies: list[Terms], where: dict[str, Any], about: str
) -> None:
    facts = replace(place(**where), about_channel=about)
    found = {each.channel_id: each.policy_name for each in decide(Finding(pk=1), facts, policies)}
    for channel in range(1, 5):
        leading = [one.name for one in policies if one.enabled and channel in one.channels and catches(one, facts)]
        expected = leading[0] if leading and str(channel) != about else None
        assert found.get(channel) == expected
    assert len(decide(Finding(pk=1), facts, policies)) == len(found)


@given(some_policies(), PLACES)
def test_a_policy_that_does_not_catch_says_which_clause_fails(policies: list[Terms], where: dict[str, Any]) -> None:
    facts = place(**where)
    for terms in policies:
        told = list(clauses(terms, facts))
        assert catches(terms, facts) is all(clause.holds for clause in told)
        assert all(clause.text for clause in told)
