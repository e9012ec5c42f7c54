from __future__ import annotations

import pytest

from ecsaudit.engine import json_text
from ecsaudit.engine.record import render


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ('{"a":1.50,"b":1E5,"c":-0}', {"a": "1.50", "b": "1E5", "c": "-0"}),
        ('{"a":1,"a":2}', {"a": "1"}),
        ('{ "a" : [ 1 , {"k" : "\\u00e9\\/"} ] }', {"a": '[1,{"k":"\\u00e9\\/"}]'}),
        ('{"a":"x\\u0000y"}', {"a": "x"}),
        ('{"a":"\\ud83d\\ude00\\ud800"}', {"a": "😀\\ud800"}),
        ('{"a":null,"b":true}', {"a": "null", "b": "true"}),
    ],
)
def test_source_text_is_kept(text: str, rendered: dict[str, str]) -> None:
    assert {key: render(value) for key, value in json_text.parse(text).items()} == rendered


@pytest.mark.parametrize("text", ["", "{", "]", '{"a" 1}', '{"a":1,}', "[1 2]", "[,]", "{} {}", "nul", "[" * 400])
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_text.parse(text)
