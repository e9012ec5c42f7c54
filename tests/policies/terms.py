"""Facts and policies for tests of deciding; each test names what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ecsaudit.policies.facts import Circumstances, Facts
from ecsaudit.policies.patterns import patterns
from ecsaudit.policies.terms import Selection, Terms

AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
PLACE = Circumstances(
    accounts=("111122223333", "payments"),
    region="eu-west-1",
    cluster="prod-payments",
    service="",
    container="web",
    person="ana@example.com",
    roles=("AWSReservedSSO_Developer_0123456789abcdef", "Developer"),
    at=AT,
)
SHELL = Facts(
    pk=1,
    rule="Terminal Shell in ECS Container",
    priority=4,
    tags=("aws_ecs_exec", "PCI_DSS_10.2.1", "MITRE_T1609_container_administration_command"),
    group_key="7",
    circumstances=PLACE,
)


def place(**fields: Any) -> Facts:
    """The shell somewhere else, or at another time."""
    return replace(SHELL, circumstances=replace(PLACE, **fields))


def selection(*, rules: str = "", tags: str = "", controls: str = "", priority: int | None = None) -> Selection:
    return Selection(lines(rules), lines(tags), frozenset(controls.split()), priority)


def lines(text: str) -> Any:
    return patterns(tuple(filter(None, text.split("; "))))


def policy(**fields: Any) -> Terms:
    """One that catches everything and tells channel 1; scope as text: `scope={"region": "eu-*; not eu-west-2"}`."""
    scope = {name: lines(text) for name, text in fields.pop("scope", {}).items()}
    return Terms(**{"name": "P", "channels": (1,), "scope": scope} | fields)
