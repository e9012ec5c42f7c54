"""Problems in the form of Falco's own JSON results, and their places in a text."""

from __future__ import annotations

from typing import Any

from ..errors import Problem
from .codes import description
from .rule_files import Checked


def as_json(checked: Checked) -> list[dict[str, Any]]:
    """A result for each file: name, successful, errors and warnings. Ours adds `hint` to each problem."""
    return [
        {
            "name": name,
            "successful": not any(problem.file == name for problem in checked.errors),
            "errors": [_problem(problem, text) for problem in checked.errors if problem.file == name],
            "warnings": [_problem(problem, text) for problem in checked.loaded.warnings if problem.file == name],
        }
        for name, text in checked.texts.items()
    ]


def _problem(problem: Problem, text: str | None) -> dict[str, Any]:
    position = {
        "name": problem.file,
        "line": problem.line,
        "column": problem.column,
        "offset": len(before(problem, text or "")),
    }
    locations: list[dict[str, Any]] = [
        {"item_type": step.item_type, "item_name": step.item_name} for step in problem.locations
    ]
    # Only of the innermost item is the place known.
    locations[-1]["position"] = position
    return {
        "code": problem.code,
        "codedesc": description(problem.code),
        "message": problem.message,
        "hint": problem.hint,
        "context": {"locations": locations, "snippet": problem.snippet},
    }


def before(problem: Problem, text: str) -> str:
    """The part of a file's text that stands before the problem's place."""
    start = 0
    for _ in range(problem.line - 1):
        start = text.find("\n", start) + 1
    return text[: start + problem.column - 1]
