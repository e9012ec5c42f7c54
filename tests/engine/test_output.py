from __future__ import annotations

import pytest

from ecsaudit import engine


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("*%ct.name.suffix (%ct.name) %ct.namex", "Run.suffix (Run) Runx"),
        ("*[%6ct.name|%2ct.name]", "[Run   |Ru]"),
        ("*%toupper(ct.name)/%json.value[/n].", "RUN/1.50."),
        ("*%ct.error!", "<NA>!"),
        ("a %ct.error b", "a "),
    ],
)
def test_a_format_prints_fields(text: str, printed: str) -> None:
    assert engine.format_output(text, '{"eventName":"Run","n":1.50}') == printed


@pytest.mark.parametrize("text", ["100%", "100% sure", "%%", "%nosuch", "%ct.nosuch", "%5", "%toupper(ct.name"])
def test_a_format_that_falco_refuses_is_refused(text: str) -> None:
    with pytest.raises(engine.OutputError):
        engine.format_output(text, "{}")
