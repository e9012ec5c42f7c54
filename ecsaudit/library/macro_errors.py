"""The errors of a macro's condition at their place in the macro's own text.

A macro is compiled with the rules that use it, and so its errors are told at those rules. Here a rule is made for it that
has the same words at the same places.
"""

from __future__ import annotations

from typing import Any

from ecsaudit import engine
from ecsaudit.library.models import Files, problem_row
from ecsaudit.library.texts import items_of

PROBE = "macro.yaml"
_RULE = (
    "- {rule: macro alone, desc: d, condition: evt.num exists, output: o, priority: DEBUG, source: aws_cloudtrail}\n"
)


def macro_errors(text: str, files: Files) -> list[dict[str, Any]]:
    """The errors of the items of a macro's text, as problems are kept; `files` hold what they name."""
    found: list[dict[str, Any]] = []
    for item in items_of(text):
        part = item.parts.get("condition", "")
        if not part:
            continue
        before, _, _ = item.text.partition(part)
        indent = len(before) - (before.rfind("\n") + 1)
        append = item.overrides.get("condition") == "append" or "append" in item.keys
        override = f"{' ' * indent}override: {{condition: {'append' if append else 'replace'}}}\n"
        probe = f"{_RULE}-\n{' ' * indent}rule: macro alone\n{' ' * indent}{part}\n{override}"
        lines = item.line + before.count("\n") - probe[: probe.index(part)].count("\n") - 1
        for problem in engine.load_rules([*files, (PROBE, probe)]).errors:
            if problem.file == PROBE:
                found.append(problem_row(problem) | {"line": problem.line + lines})
    return found
