"""What the compliance screens and their files tell: every control's state in a period, with what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from ecsaudit.cloudtrail.coverage import Coverage, Gap, coverage
from ecsaudit.compliance.frameworks import Framework, controls_of
from ecsaudit.compliance.status import ControlStatus, Idle, Serving, State, Summary, statuses, summary
from ecsaudit.execsessions.models import DailyCount, Dimension
from ecsaudit.findings.models import TagSet
from ecsaudit.library.effective import Effective
from ecsaudit.library.judging_since import judging_since
from ecsaudit.library.models import Key, Kind, Mode, Version
from ecsaudit.replay.models import Replay
from ecsaudit.web.coverage_words import in_full, lines, sentence, shortly
from ecsaudit.web.finding_list import ALL
from ecsaudit.web.period import Period
from ecsaudit.web.rule_list import item_address
from ecsaudit.web.times import minute

IDLE = {Mode.OFF: Idle.OFF, Mode.SHADOW: Idle.SHADOW}


@dataclass(frozen=True, slots=True)
class Report:
    """A period: rules, what was read for them, and the findings of each framework and control, by its key."""

    period: Period
    rule_set: Key
    coverage: Coverage
    gaps: Mapping[str, tuple[Gap, ...]]
    rules: tuple[Serving, ...]
    findings: Mapping[str, int]

    def rows(self, framework: Framework) -> list[Row]:
        found = statuses(framework, self.rules, self.findings, self.coverage, self.gaps)
        return [Row(status, self.period) for status in found]

    def card(self, framework: Framework) -> Card:
        rows = self.rows(framework)
        return Card(
            framework,
            summary(row.status for row in rows),
            self.findings.get(framework.key, 0),
            in_full(self.coverage, self.missing(framework)),
            self.read(framework),
            self.period,
        )

    def names(self, framework: Framework | None) -> set[str]:
        """The event names that the rules which judge can match: of one framework, or of any."""
        return {
            name
            for rule in self.rules
            if rule.judges and (framework is None or any(one.framework == framework.key for one in rule.controls))
            for name in rule.event_names
        }

    def missing(self, framework: Framework | None) -> list[Gap]:
        return [gap for name in sorted(self.names(framework)) for gap in self.gaps.get(name, ())]

    def read(self, framework: Framework | None) -> str:
        """In a sentence, how much was read."""
        return sentence(self.coverage, self.missing(framework), self.names(framework))


@dataclass(frozen=True, slots=True)
class RuleLink:
    """A rule in a control's row: `idle` says why it does not judge, `since` when it began to, if within the period."""

    name: str
    address: str
    idle: str
    since: str
    version: str

    @property
    def words(self) -> str:
        """For files: `Terminal shell (version 3 of 2026-11-02 09:30; judges only what was collected since …)`."""
        since = f"judges only what was collected since {self.since} UTC" if self.since else ""
        told = "; ".join(each for each in (self.idle, self.version, since) if each)
        return f"{self.name} ({told})" if told else self.name


@dataclass(frozen=True, slots=True)
class Row:
    """One control, ready to be shown."""

    status: ControlStatus
    period: Period

    @property
    def identifier(self) -> str:
        return self.status.control.identifier

    @property
    def state(self) -> str:
        return self.status.state

    @property
    def findings_address(self) -> str:
        return self.period.address(reverse("findings"), control=self.status.control.key, **ALL)

    @property
    def rules_address(self) -> str:
        return f"{reverse('library')}?{urlencode({'control': self.status.control.key})}"

    @property
    def rules(self) -> list[RuleLink]:
        return [rule_link(rule, self.period) for rule in self.status.rules]

    @property
    def since(self) -> str:
        return minute(self.status.since) if self.status.since else ""

    @property
    def missing(self) -> list[str]:
        """What was not read for it, a line each, for files."""
        return lines(self.status.gaps, in_full=True)

    @property
    def shortly_missing(self) -> list[str]:
        return shortly(self.status.gaps)

    def holds(self, text: str) -> bool:
        """Whether a text stands in what somebody would search."""
        control = self.status.control
        where = (control.identifier, control.title, *(rule.name for rule in self.status.rules))
        return any(text.casefold() in each.casefold() for each in where)


@dataclass(frozen=True, slots=True)
class Card:
    """A framework at a glance; its numbers lead to what they count."""

    framework: Framework
    summary: Summary
    findings: int
    in_full: str
    read: str
    period: Period

    @property
    def address(self) -> str:
        return f"{reverse('compliance-framework', args=[self.framework.key])}?{urlencode(self.period.pairs)}"

    @property
    def findings_address(self) -> str:
        return self.period.address(reverse("findings"), framework=self.framework.key, **ALL)

    @property
    def rules_address(self) -> str:
        return f"{reverse('library')}?{urlencode({'framework': self.framework.key})}"

    @property
    def states(self) -> list[tuple[str, str, int, str]]:
        """(state, word, number of controls, address of their list)."""
        base = reverse("compliance-framework", args=[self.framework.key])
        return [
            (state, str(state.label), count, self.period.address(base, state=state))
            for state, count in self.summary.counts.items()
        ]


@dataclass(frozen=True, slots=True)
class Column:
    """A tactic of the ATT&CK matrix with its techniques; without an identifier, those of no known tactic."""

    identifier: str
    title: str
    cells: Sequence[Row]


def rule_link(rule: Serving, period: Period) -> RuleLink:
    since = minute(rule.since) if rule.judges and rule.since and rule.since > period.start else ""
    version = f"version {rule.version} of {minute(rule.version_at)}" if rule.version and rule.version_at else ""
    return RuleLink(rule.name, item_address(Kind.RULE, rule.name), idle_word(rule), since, version)


def idle_word(rule: Serving) -> str:
    """Beside the name of one rule: `off`, `in the shadow`."""
    return str(rule.idle.label).removeprefix("are ") if rule.idle else ""


def read_report(period: Period, effective: Effective, now: datetime) -> Report:
    """Seven queries, however many rules, findings and accounts there are."""
    read = coverage(period.start, period.end(now), now)
    rules = serving(effective, period.end(now))
    names = {name for rule in rules if rule.judges for name in rule.event_names}
    return Report(period, effective.key, read, read.gaps(names), rules, findings_by_key(period))


def findings_by_key(period: Period) -> dict[str, int]:
    """How many findings of the period name each framework and control, from the roll-up."""
    keys = TagSet.objects.control_keys()
    found: Counter[str] = Counter()
    for tag_set, count in DailyCount.objects.between(period.first, period.last).totals(Dimension.TAG_SET).items():
        found.update(dict.fromkeys(keys.get(int(tag_set), ()), count))
    return dict(found)


def serving(effective: Effective, end: datetime) -> tuple[Serving, ...]:
    """The rules that name any control, by name; `end` is that of the period."""
    since = judging_since()
    applied = Replay.objects.applied_to_all()
    since = {rule: at for rule, at in since.items() if rule not in applied or applied[rule] < at}
    texts = Version.objects.filter(pk__in=effective.versions.values()).values_list("name", "number", "created_at")
    versions = {name: (number, at) for name, number, at in texts}
    never = effective.never_match()
    found = []
    for rule in sorted(effective.rules, key=lambda each: each.name.casefold()):
        controls = frozenset(controls_of(rule.tags))
        if controls:
            began = since.get(rule.name)
            number, at = versions.get(rule.name, (None, None))
            idle = why_idle(effective.mode_of(rule), rule.name in never, began, end)
            found.append(Serving(rule.name, controls, frozenset(rule.event_names or ()), idle, began, number, at))
    return tuple(found)


def why_idle(mode: Mode, never: bool, began: datetime | None, end: datetime) -> Idle | None:
    """Why a rule found nothing in the period whatever happened; None for one that judged."""
    if mode in IDLE:
        return IDLE[mode]
    if never:
        return Idle.NEVER
    return Idle.LATER if began is not None and began >= end else None


def matrix_of(rows: Iterable[Row], framework: Framework) -> list[Column]:
    """The techniques under each of their tactics, in the catalogue's order."""
    cells: dict[str, list[Row]] = {}
    for row in rows:
        if row.identifier not in framework.tactic_names:
            for tactic in framework.tactics_of(row.identifier) or ("",):
                cells.setdefault(tactic, []).append(row)
    columns = [Column(tactic, title, cells.get(tactic, [])) for tactic, title in framework.tactic_names.items()]
    return columns + ([Column("", "No known tactic", cells[""])] if "" in cells else [])


def csv_row(row: Row) -> list[str | int]:
    status = row.status
    control = status.control
    since = f"judged only since {row.since} UTC" if row.since else ""
    return [
        control.framework_name,
        control.version,
        control.identifier,
        control.title,
        "; ".join(each for each in (status.words, since) if each),
        status.findings,
        "; ".join(link.words for link in row.rules),
        "; ".join(row.missing),
    ]


COLUMNS = ("Framework", "Version", "Control", "Title", "State", "Findings", "Rules", "Not read")
STATES = {str(state): str(state.label) for state in State}
