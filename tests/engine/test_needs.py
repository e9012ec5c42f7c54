from __future__ import annotations

import pytest

from ecsaudit import engine


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("ct.name = a", {"a"}),
        ("ct.name in (a, b) and ct.name != a", {"a", "b"}),
        ("json.value[/eventName] = a or jevt.value[eventName] == b", {"a", "b"}),
        ("ct.name in (a, b) and ct.name in (b, c)", {"b"}),
        ("ct.name = oneof (a, b)", {"a", "b"}),
        ("ct.name = a or ct.user = b", None),
        ("not ct.name = a", None),
        ("ct.name startswith a", None),
        ("ct.name exists", None),
        ("tolower(ct.name) = a", None),
        ("json.value[/requestParameters/eventName] = a", None),
    ],
)
def test_the_event_names_that_a_match_requires_are_derived(condition: str, names: set[str] | None) -> None:
    assert engine.compile_condition(condition).event_names == names


def test_the_event_sources_that_a_match_requires_are_derived() -> None:
    condition = engine.compile_condition("ct.src=ecs.amazonaws.com and ct.name=ExecuteCommand")
    assert condition.event_sources == {"ecs.amazonaws.com"}
