from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecsaudit.cloudtrail.coverage import Coverage, Source
from ecsaudit.compliance.frameworks import FRAMEWORKS, control_of
from ecsaudit.compliance.status import ControlStatus, Idle, Serving, State, statuses, summary

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)
DAY = timedelta(days=1)
PCI = FRAMEWORKS["pci-dss"]
READ = Coverage(START, END, (Source("production", "eu-west-1", {"ExecuteCommand": (START, END)}),))


def rule(name: str = "R", *, tags: tuple[str, ...] = ("PCI_DSS_10.2.1",), **fields: Any) -> Serving:
    controls = frozenset(control for tag in tags if (control := control_of(tag)))
    return Serving(name, controls, fields.pop("event_names", frozenset({"ExecuteCommand"})), **fields)


def of(*rules: Serving, findings: int = 0, coverage: Coverage = READ) -> ControlStatus:
    """How PCI DSS 10.2.1 stands with these rules."""
    names = {name for each in rules for name in each.event_names}
    found = statuses(PCI, rules, {"pci-dss:10.2.1": findings}, coverage, coverage.gaps(names))
    return next(each for each in found if each.control.identifier == "10.2.1")


def test_rules_that_looked_and_found_are_operating_with_findings() -> None:
    assert (of(rule(), findings=12).state, of(rule(), findings=12).words) == (
        State.FINDINGS,
        "operating, 12 findings",
    )
    assert of(rule(), findings=1).words == "operating, 1 finding"


def test_rules_that_looked_and_found_nothing_are_operating_with_none() -> None:
    assert (of(rule()).state, of(rule()).words) == (State.NONE, "operating, none")


@pytest.mark.parametrize("findings", [0, 3])
def test_a_gap_for_one_of_the_event_names_is_no_operating_whatever_was_found(findings: int) -> None:
    found = of(rule(), rule("S", event_names=frozenset({"StartSession"})), findings=findings)
    assert (found.state, found.words, found.findings) == (State.GAP, "not operating (gap in collection)", findings)
    assert [(gap.event_name, gap.source.region) for gap in found.gaps] == [("StartSession", "eu-west-1")]


@pytest.mark.parametrize("coverage", [Coverage(START, END, ()), Coverage(START, START, READ.sources)])
def test_without_accounts_or_time_nothing_is_operating(coverage: Coverage) -> None:
    assert of(rule(), coverage=coverage).state == State.GAP


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ([Idle.OFF], "not operating (rules are off)"),
        ([Idle.SHADOW], "not operating (rules are in the shadow)"),
        ([Idle.OFF, Idle.SHADOW, Idle.OFF], "not operating (rules are off or are in the shadow)"),
        ([Idle.NEVER], "not operating (rules can't match)"),
        ([Idle.LATER], "not operating (rules began to judge after it)"),
    ],
)
def test_rules_that_do_not_judge_are_no_evidence(why: list[Idle], words: str) -> None:
    found = of(*(rule(idle=each) for each in why), findings=2)
    assert (found.state, found.words) == (State.IDLE, words)


def test_a_rule_that_judges_makes_up_for_one_that_is_off_and_its_event_names_do_not_count() -> None:
    off = rule("off", idle=Idle.OFF, event_names=frozenset({"StartSession"}))
    assert of(rule(), off).state == State.NONE


def test_controls_of_the_catalogue_without_a_rule_say_so() -> None:
    found = of(rule(tags=("PCI_DSS_10.4.1",)))
    assert (found.state, found.words, found.rules) == (State.NO_RULE, "no rule", ())


def test_controls_come_in_the_catalogue_s_order_and_then_those_that_only_rules_name() -> None:
    found = statuses(PCI, [rule(tags=("PCI_DSS-3.2.1_10.1", "PCI_DSS_10.9", "SOC2_CC6.1"))], {}, READ, {})
    keys = [each.control.key for each in found]
    assert keys[: len(PCI.controls)] == [f"pci-dss:{identifier}" for identifier in PCI.controls]
    assert keys[len(PCI.controls) :] == ["pci-dss@3.2.1:10.1", "pci-dss:10.9"]


def test_a_control_judged_only_since_within_the_period_says_since_when() -> None:
    assert of(rule(since=START + 2 * DAY), rule(since=START + DAY)).since == START + DAY
    assert of(rule(since=START + 2 * DAY), rule()).since is None
    assert of(rule(since=START - DAY)).since is None
    assert of(rule(idle=Idle.OFF)).since is None


def test_a_summary_counts_states_and_what_rules_name() -> None:
    found = statuses(
        PCI,
        [rule(), rule(tags=("PCI_DSS_10.4.1",), idle=Idle.OFF), rule(tags=("PCI_DSS_10.2.1.2",))],
        {"pci-dss:10.2.1": 4},
        READ,
        {},
    )
    counts = summary(found)
    assert (counts.counts[State.FINDINGS], counts.counts[State.NONE], counts.counts[State.IDLE]) == (1, 1, 1)
    assert (counts.served, counts.total) == (3, len(PCI.controls))
