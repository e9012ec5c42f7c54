"""What stands beside the shipped rules: a runbook for each, and records that try it.

    rules/runbooks/<file>.yaml   rule: {check: [what to look at], do: [what to do]}
    rules/tests/records.yaml     name: a CloudTrail record to start from
    rules/tests/<file>.yaml      rule: {fires: […], quiet: […], near: […]}, each {record: name, why: words, set: {pointer: value}}

A rule matches the records under `fires`. No rule at all matches those under `quiet`. Those under `near` are for others.

ShippedFileBroken       one of these files isn't what it should be; its text names the file and what is wrong
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

_RECORDS = "records.yaml"


class ShippedFileBroken(ValueError):
    """A runbook or test file can't be used."""


class Expectation(StrEnum):
    FIRES = "fires"
    QUIET = "quiet"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Runbook:
    check: tuple[str, ...] = ()
    do: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShippedTest:
    """A record for a rule; `record` is CloudTrail's text, `why` a few words on it."""

    rule: str
    expectation: Expectation
    why: str
    record: str

    @property
    def fires(self) -> bool:
        return self.expectation is Expectation.FIRES


def read_runbooks(folder: Path) -> dict[str, Runbook]:
    """The runbooks of all rules, by the rule's name."""
    return {
        rule: Runbook(tuple(steps.get("check", ())), tuple(steps.get("do", ())))
        for path in sorted((folder / "runbooks").glob("*.yaml"))
        for rule, steps in _mapping(path).items()
    }


def read_tests(folder: Path) -> list[ShippedTest]:
    """The tests of all rules, in the order of the files."""
    path = folder / "tests" / _RECORDS
    if not path.exists():
        return []
    records = _mapping(path)
    return [
        test
        for path in sorted((folder / "tests").glob("*.yaml"))
        if path.name != _RECORDS
        for rule, tests in _mapping(path).items()
        for test in _tests(path, rule, tests, records)
    ]


def _tests(
    path: Path, rule: str, tests: Mapping[str, list[dict[str, Any]]], records: Mapping[str, Any]
) -> Iterator[ShippedTest]:
    for word, found in tests.items():
        for number, test in enumerate(found, start=1):
            try:
                record = changed(records[test["record"]], test.get("set", {}))
                yield ShippedTest(rule, Expectation(word), test.get("why", ""), json.dumps(record))
            except (KeyError, ValueError) as error:
                raise ShippedFileBroken(f"{path.name}: {rule}, {word} {number}: {error}") from error


def changed(record: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a record with other values at some JSON pointers; objects on the way are made. ValueError for a list."""
    result: dict[str, Any] = copy.deepcopy(dict(record))
    for pointer, value in changes.items():
        *parents, last = pointer.removeprefix("/").split("/")
        place = result
        for part in parents:
            inner = place.get(part)
            if isinstance(inner, list):
                raise ValueError(f"{pointer}: lists can only be set whole")
            place[part] = place = inner if isinstance(inner, dict) else {}
        place[last] = value
    return result


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ShippedFileBroken(f"{path.name}: {error}") from error
    if not isinstance(content, dict):
        raise ShippedFileBroken(f"{path.name}: it must be a mapping, from names")
    return content
