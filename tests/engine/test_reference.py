from __future__ import annotations

import pytest

from ecsaudit import engine
from ecsaudit.engine.reference import OPERATOR_WORDS, TRANSFORMER_WORDS, field_reference, signature, type_word
from ecsaudit.engine.words import MODIFIERS, OPERATORS, TRANSFORMERS

ON_BYTES = {"bcontains", "bstartswith"}


def test_every_operator_and_transformer_is_described() -> None:
    assert OPERATOR_WORDS.keys() == {*OPERATORS, *MODIFIERS, "and", "or", "not"} - ON_BYTES
    assert TRANSFORMER_WORDS.keys() == {*TRANSFORMERS, "val"}


@pytest.mark.parametrize(("word", "described"), [*OPERATOR_WORDS.items(), *TRANSFORMER_WORDS.items()])
def test_every_example_can_be_used_and_has_its_word(word: str, described: tuple[str, str]) -> None:
    assert engine.compile_condition(described[1])
    assert word in described[1]


def test_fields_are_told_as_they_are_written() -> None:
    told = {field.name: (signature(field), type_word(field)) for field in field_reference()}
    assert told["ct.user"] == ("ct.user", "text")
    assert told["json.value"] == ("json.value[/…]", "text")
    assert told["ec2.imageids"] == ("ec2.imageids[0]", "list of text")
    assert told["evt.num"] == ("evt.num", "number")
