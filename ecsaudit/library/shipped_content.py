"""Runbooks and tests of the shipped rules, read once in each process."""

from functools import cache
from pathlib import Path

from django.conf import settings

from ecsaudit.library.shipped import Runbook, ShippedTest, read_runbooks, read_tests


def runbook_of(rule: str) -> Runbook | None:
    return _runbooks(settings.RULES_DIR).get(rule)


def tests_of(rule: str) -> list[ShippedTest]:
    return [test for test in _tests(settings.RULES_DIR) if test.rule == rule]


@cache
def _runbooks(folder: Path) -> dict[str, Runbook]:
    return read_runbooks(folder)


@cache
def _tests(folder: Path) -> list[ShippedTest]:
    return read_tests(folder)
