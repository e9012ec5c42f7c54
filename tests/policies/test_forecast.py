"""What a policy would have done: findings, people, messages, and what an earlier policy tells already."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ecsaudit.policies.facts import Facts
from ecsaudit.policies.forecast import forecast
from ecsaudit.policies.terms import Grouping
from tests.policies.terms import AT, SHELL, place, policy

QUARTER = timedelta(minutes=15)


def at(*minutes: int) -> list[Facts]:
    """The same finding so many minutes on, newest first."""
    return [place(at=AT + timedelta(minutes=each)) for each in sorted(minutes, reverse=True)]


@pytest.mark.parametrize(
    ("minutes", "messages"),
    [
        ((0,), 1),
        ((0, 1, 2), 2),  # the first, and the others together at 15
        ((0, 15), 2),
        ((0, 1, 16), 3),  # at 0; at 15, which opens the next window; at 30
        ((0, 1, 16, 29), 3),
        ((0, 1, 31), 3),
        ((0, 20, 40), 3),
    ],
)
def test_a_throttle_makes_one_message_of_many_as_the_outbox_does(minutes: tuple[int, ...], messages: int) -> None:
    found = forecast(policy(throttle=QUARTER), [], at(*minutes))
    assert (found.findings, found.told[1], found.messages[1]) == (len(minutes), len(minutes), messages)


def test_without_a_throttle_each_finding_is_a_message() -> None:
    assert forecast(policy(), [], at(0, 1, 2)).messages == {1: 3}
    assert forecast(policy(grouping=Grouping.FINDING, throttle=QUARTER), [], at(0, 1)).messages == {1: 2}


def test_other_groups_have_windows_of_their_own() -> None:
    findings = [*at(0, 1), replace(SHELL, group_key="8")]
    assert forecast(policy(throttle=QUARTER), [], findings).messages == {1: 3}
    assert forecast(policy(throttle=QUARTER, grouping=Grouping.ALL), [], findings).messages == {1: 2}


def test_people_are_counted_once_and_who_is_not_known_not_at_all() -> None:
    findings = [*at(0, 1), place(person="bob"), place(person="")]
    found = forecast(policy(scope={"region": "eu-*"}), [], [*findings, place(region="us-east-1", person="eve")])
    assert (found.findings, found.persons) == (4, 2)


def test_what_an_earlier_policy_tells_a_channel_is_not_told_there_again() -> None:
    mine = policy(channels=(1, 2))
    earlier = [policy(channels=(2,), scope={"person": "ana@*"}), policy(channels=(1,), enabled=False)]
    found = forecast(mine, earlier, [*at(0), place(person="bob")])
    assert found.messages == {1: 2, 2: 1}
    assert found.before == {2: 1}


def test_what_is_suppressed_is_caught_but_makes_no_message() -> None:
    findings = [replace(facts, is_suppressed=number != 1) for number, facts in enumerate(at(0, 1, 2))]
    found = forecast(policy(throttle=QUARTER), [policy(channels=(2,))], findings)
    assert (found.findings, found.suppressed, found.told, found.messages) == (3, 2, {1: 1}, {1: 1})
    earlier = [policy()]
    assert forecast(policy(), earlier, findings).before == {1: 1}


def test_a_finding_about_a_channel_is_not_counted_for_it() -> None:
    assert forecast(policy(channels=(1, 2)), [], [replace(SHELL, about_channel="1")]).messages == {2: 1}
