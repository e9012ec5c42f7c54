"""A finding's page says which policies would catch it, which would not, and why."""

from dataclasses import replace

from ecsaudit.policies.verdicts import verdicts
from tests.policies.terms import SHELL, policy


def test_each_policy_says_what_it_tells_and_what_another_tells_already() -> None:
    found = verdicts(
        SHELL,
        [
            policy(name="A", channels=(1,)),
            policy(name="Off", channels=(4,), enabled=False),
            policy(name="B", channels=(1, 2)),
            policy(name="C", scope={"region": "us-*", "person": "ana*"}, channels=(3,)),
        ],
    )
    assert [(each.policy.name, each.catches, each.tells, each.already) for each in found] == [
        ("A", True, [1], []),
        ("Off", True, [], []),
        ("B", True, [2], [1]),
        ("C", False, [], []),
    ]
    assert [clause.text for clause in found[3].failing] == ["Region eu-west-1 is not among “us-*”"]


def test_the_channel_that_a_finding_is_about_is_named() -> None:
    (found,) = verdicts(replace(SHELL, about_channel="1"), [policy(channels=(1, 2))])
    assert (found.tells, found.already, found.about) == ([2], [], [1])
