"""Which controls are served by rules that were able to see something, and what they found. Pure.

A control without findings is not "passed": its rules looked and found nothing, or they could not look, and which of the
two is what this module tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import TextChoices

from ecsaudit.cloudtrail.coverage import Coverage, Gap
from ecsaudit.compliance.frameworks import Control, Framework


class State(TextChoices):
    """How a control stands in a period."""

    FINDINGS = "findings", "Operating, with findings"
    NONE = "none", "Operating, none"
    GAP = "gap", "Not operating: gap in collection"
    IDLE = "idle", "Not operating: rules do not judge"
    NO_RULE = "no_rule", "No rule"


OPERATING = (State.FINDINGS, State.NONE)
NOT_OPERATING = (State.GAP, State.IDLE)


class Idle(TextChoices):
    """Why a rule made no findings in a period, whatever happened in it; each word follows “rules”."""

    OFF = "off", "are off"
    SHADOW = "shadow", "are in the shadow"
    NEVER = "never", "can't match"
    LATER = "later", "began to judge after it"


@dataclass(frozen=True, slots=True)
class Serving:
    """A rule that names controls. `idle` is empty where it judges.

    `since` is the moment after which it judges what is collected, None: all along. `version` is its text's number,
    `version_at` when that text was put in force.
    """

    name: str
    controls: frozenset[Control]
    event_names: frozenset[str]
    idle: Idle | None = None
    since: datetime | None = None
    version: int | None = None
    version_at: datetime | None = None

    @property
    def judges(self) -> bool:
        return self.idle is None


@dataclass(frozen=True, slots=True)
class ControlStatus:
    """A control with the rules that name it, the number of findings that do, and what was not read for them.

    `since` is when the first of its rules began to judge, if that was within the period.
    """

    control: Control
    state: State
    rules: tuple[Serving, ...]
    findings: int
    gaps: tuple[Gap, ...]
    since: datetime | None

    @property
    def words(self) -> str:
        """`operating, 12 findings`; `not operating (rules are off or are in the shadow)`."""
        match self.state:
            case State.FINDINGS:
                return f"operating, {self.findings:,} {'finding' if self.findings == 1 else 'findings'}"
            case State.NONE:
                return "operating, none"
            case State.GAP:
                return "not operating (gap in collection)"
            case State.IDLE:
                why = dict.fromkeys(str(rule.idle.label) for rule in self.rules if rule.idle)
                return f"not operating (rules {' or '.join(why)})"
        return "no rule"


def statuses(
    framework: Framework,
    rules: Iterable[Serving],
    findings: Mapping[str, int],
    coverage: Coverage,
    gaps: Mapping[str, Sequence[Gap]],
) -> list[ControlStatus]:
    """Every control of the catalogue, in its order, then those that only rules or findings name.

    `findings` are numbers by a control's key; `gaps` those of the coverage, by event name.
    """
    serving: dict[Control, list[Serving]] = {
        Control(framework.key, framework.version, identifier, title): []
        for identifier, title in framework.controls.items()
    }
    for rule in rules:
        for control in sorted(rule.controls, key=lambda one: (one.version, one.identifier)):
            if control.framework == framework.key:
                serving.setdefault(control, []).append(rule)
    return [status(control, each, findings.get(control.key, 0), coverage, gaps) for control, each in serving.items()]


def status(
    control: Control,
    rules: Sequence[Serving],
    findings: int,
    coverage: Coverage,
    gaps: Mapping[str, Sequence[Gap]],
) -> ControlStatus:
    judging = [rule for rule in rules if rule.judges]
    names = sorted({name for rule in judging for name in rule.event_names})
    missing = tuple(gap for name in names for gap in gaps.get(name, ()))
    if not rules:
        state = State.NO_RULE
    elif not judging:
        state = State.IDLE
    elif missing or coverage.is_void:
        state = State.GAP
    else:
        state = State.FINDINGS if findings else State.NONE
    return ControlStatus(control, state, tuple(rules), findings, missing, began(judging, coverage))


def began(judging: Sequence[Serving], coverage: Coverage) -> datetime | None:
    """When the first of them began; None if one of them judged since before the period."""
    moments = [rule.since for rule in judging if rule.since is not None and rule.since > coverage.start]
    return min(moments) if moments and len(moments) == len(judging) else None


@dataclass(frozen=True, slots=True)
class Summary:
    """How the controls of a framework stand: numbers by State; `served` are those that rules name."""

    counts: Mapping[State, int]

    @property
    def served(self) -> int:
        return self.total - self.counts[State.NO_RULE]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def summary(found: Iterable[ControlStatus]) -> Summary:
    counts = Counter(each.state for each in found)
    return Summary({state: counts[state] for state in State})
