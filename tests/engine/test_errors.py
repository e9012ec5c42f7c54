from __future__ import annotations

import pickle

import pytest

from ecsaudit import engine


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.b = é and", (12, 1, 13)),
        ("ct.name = x\nand ct.user contains", (24, 2, 13)),
        ("a and\r\n= x", (7, 3, 1)),
    ],
)
def test_an_error_tells_byte_line_and_column_where_reading_stopped(text: str, place: tuple[int, int, int]) -> None:
    with pytest.raises(engine.ConditionError) as caught:
        engine.parse_condition(text)
    assert (caught.value.index, caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("attempt", "kind"),
    [
        (lambda: engine.parse_condition("(a"), engine.ConditionError),
        (lambda: engine.format_output("100%", "{}"), engine.OutputError),
        (lambda: engine.compile_condition("ct.name exists").matches(5), engine.RecordError),
    ],
)
def test_errors_survive_pickling(attempt: object, kind: type[engine.EngineError]) -> None:
    with pytest.raises(kind) as caught:
        attempt()  # type: ignore[operator]
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is kind
    assert vars(again) == vars(caught.value)


def test_problems_survive_pickling() -> None:
    problem = engine.load_rules([("a.yaml", "- list: a\n")]).errors[0]
    assert pickle.loads(pickle.dumps(problem)) == problem
    assert str(problem) == "a.yaml:1:3: LOAD_ERR_YAML_VALIDATE: Item has no mapping for key 'items' [a]"
