"""Runbooks and tests of the shipped rules, read once in each process."""

from functools import cache
from pathlib import Path

from django.conf import settings

from ecsaudit.library.shipped import Runbook, ShippedTest, read_runbooks, read_tests


def runbook_of(rule: str) -> Runbook | None:
    return _runbooks(settings.RULES_DIR).get(rule)


def shipped_tests() -> list[ShippedTest]:
    return _tests(settings.RULES_DIR)


@cache
def _runbooks(folder: Path) -> dict[str, Runbook]:
    return read_runbooks(folder)


@cache
def _tests(folder: Path) -> list[ShippedTest]:
    return read_tests(folder)
