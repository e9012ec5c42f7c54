"""Which rules a policy is about follows the rules in force."""

from __future__ import annotations

import pytest

from ecsaudit.library.effective import rules
from ecsaudit.library.models import Mode
from ecsaudit.library.services import switch
from ecsaudit.people.models import User
from ecsaudit.policies.coverage import Coverage
from tests.policies.terms import policy, selection

pytestmark = pytest.mark.django_db
SHELL = "Terminal Shell in ECS Container"


def test_rules_are_those_that_the_selection_is_about_whether_on_or_off(ann: User) -> None:
    coverage = Coverage()
    wanted = selection(rules="Terminal*; Nothing*")
    for _ in range(2):
        assert [rule.name for rule in coverage.rules(wanted, rules.current())] == [SHELL]
        switch(names=[SHELL], mode=Mode.OFF, author=ann, message="m")
    assert len(coverage.rules(selection(), rules.current())) == 3
    assert [rule.priority for rule in coverage.rules(selection(priority=2), rules.current())] == ["Critical"]


def test_a_rule_knows_its_policies_in_their_order() -> None:
    policies = [policy(name="All"), policy(name="Shells", selection=selection(rules="Terminal*"))]
    found = Coverage().policies_by_rule(policies, rules.current())
    assert found[SHELL] == ["All", "Shells"]
    assert found["Execute Command inside an ECS Container"] == ["All"]
