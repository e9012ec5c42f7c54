"""An explanation as lines of text."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .explain import Explanation, Kind
from .output import one_line

_RESULTS = {True: "true", False: "false", None: "-"}
_APPLIES = {True: "applies", False: "does not apply", None: "not reached"}
_SHOWN = 200  # characters of a value


def explanation_lines(explanation: Explanation, depth: int = 0) -> Iterator[str]:
    """One line for each node, indented; `-` where evaluation never came."""
    indent = "  " * depth
    if explanation.kind is Kind.EXCEPTION:
        yield f"{indent}exception {one_line(explanation.text)}: {_APPLIES[explanation.result]}"
    else:
        yield f"{indent}{_RESULTS[explanation.result]:<5} {one_line(_title(explanation))}"
    for name, value in explanation.values.items():
        yield f"{indent}        {one_line(name)}: {_shown(value)}"
    for name, items in explanation.lists.items():
        yield f"{indent}        list {one_line(name)}: {one_line(_cut(', '.join(items)))}"
    for child in explanation.children:
        yield from explanation_lines(child, depth + 1)


def _title(explanation: Explanation) -> str:
    return f"macro {explanation.text}" if explanation.kind is Kind.MACRO else _cut(explanation.text)


def _shown(value: object) -> str:
    return "missing" if value is None else one_line(_cut(json.dumps(value, ensure_ascii=False)))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
