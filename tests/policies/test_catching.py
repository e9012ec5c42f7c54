"""What is remembered about many findings is what each of them would be told alone."""

from __future__ import annotations

from datetime import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ecsaudit.policies.catching import Catchers
from ecsaudit.policies.decide import catches
from ecsaudit.policies.hours import Hours
from ecsaudit.policies.terms import Terms
from tests.policies.terms import AT, place, policy, selection

WORDS = st.text(alphabet="ab", max_size=2)
PLACES = st.fixed_dictionaries(
    dict.fromkeys(("region", "cluster", "person"), WORDS)
    | {
        "at": st.sampled_from([AT, AT.replace(hour=20), AT.replace(day=7)]),
        "roles": st.lists(WORDS, max_size=2).map(tuple),
    }
)
POLICIES = st.builds(
    policy,
    scope=st.dictionaries(
        st.sampled_from(["region", "cluster", "person", "role", "service"]),
        st.sampled_from(["a*", "*; not ab", "not b*"]),
    ),
    selection=st.builds(
        selection, priority=st.none() | st.integers(3, 5), controls=st.sampled_from(["", "pci-dss", "soc-2"])
    ),
    hours=st.none() | st.just(Hours(frozenset(range(5)), time(8), time(18))),
)


@given(st.lists(POLICIES, max_size=3), st.lists(PLACES, max_size=6))
def test_many_findings_are_caught_as_each_of_them_alone(policies: list[Terms], places: list[dict[str, Any]]) -> None:
    remembered = Catchers()
    for where in places:
        for terms in policies:
            assert remembered(terms, place(**where)) is catches(terms, place(**where))
