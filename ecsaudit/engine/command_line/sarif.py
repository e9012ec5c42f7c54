"""Problems as SARIF 2.1.0, which code scanning reads."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import Problem
from .codes import description
from .rule_files import Checked

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(checked: Checked) -> dict[str, Any]:
    """One run with a result for each problem."""
    problems = [("error", problem) for problem in checked.errors]
    problems += [("warning", problem) for problem in checked.loaded.warnings]
    codes = sorted({problem.code for _, problem in problems})
    seen: Counter[str] = Counter()
    driver = {
        "name": "ecsaudit",
        "rules": [{"id": code, "shortDescription": {"text": description(code)}} for code in codes],
    }
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(level, problem, codes, seen) for level, problem in problems],
            }
        ],
    }


def _result(level: str, problem: Problem, codes: list[str], seen: Counter[str]) -> dict[str, Any]:
    text = "; ".join(part for part in (problem.message, problem.hint) if part)
    return {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": level,
        "message": {"text": text or description(problem.code)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(problem.file)},
                    "region": {"startLine": problem.line, "startColumn": problem.column},
                },
                "logicalLocations": [{"name": problem.rule_name or problem.item_type}],
            }
        ],
        "partialFingerprints": {"problem/v1": _fingerprint(problem, seen)},
    }


def _uri(name: str) -> str:
    return quote(Path(name).as_posix())


def _fingerprint(problem: Problem, seen: Counter[str]) -> str:
    """The same for the same problem when lines above it come or go."""
    parts = (
        problem.file,
        problem.code,
        problem.message,
        *(f"{step.item_type}={step.item_name}" for step in problem.locations),
    )
    key = "\0".join(parts)
    seen[key] += 1
    return hashlib.sha256(f"{key}\0{seen[key]}".encode()).hexdigest()
