"""What a policy says, as plain data: which findings it catches, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import TextChoices

from ecsaudit.policies.hours import Hours
from ecsaudit.policies.patterns import ANY, Patterns

# The dimensions of a scope, with the words for them in a sentence.
SCOPE = {
    "account": "account",
    "region": "Region",
    "cluster": "cluster",
    "service": "service",
    "container": "container",
    "person": "person",
    "role": "role",
}


class Grouping(TextChoices):
    """What shares a throttle: told at once for the first, together for those that come meanwhile."""

    FINDING = "finding", "Each finding by itself, without a throttle"
    GROUP = "group", "Findings of the same rule, person and target"
    RULE = "rule", "Findings of the same rule"
    PERSON = "person", "Findings of the same person"
    ALL = "all", "All findings of the policy"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules: those that a name, a tag or a control picks, all when none is given, and none that is milder.

    `controls` are keys of frameworks or controls; `priority` is the mildest that is meant.
    """

    rules: Patterns = ANY
    tags: Patterns = ANY
    controls: frozenset[str] = frozenset()
    priority: int | None = None

    @property
    def picks(self) -> bool:
        """Whether it names some, so that not all are meant."""
        return bool(self.rules.included or self.tags.included or self.controls)


@dataclass(frozen=True, slots=True)
class Terms:
    """One policy. `scope` has the dimensions that it speaks of; `severity` is empty where the rule's priority tells it."""

    name: str
    pk: int = 0
    enabled: bool = True
    selection: Selection = field(default_factory=Selection)
    scope: dict[str, Patterns] = field(default_factory=dict)
    hours: Hours | None = None
    severity: str = ""
    channels: tuple[int, ...] = ()
    throttle: timedelta = timedelta()
    grouping: Grouping = Grouping.GROUP
    runbook_url: str = ""
