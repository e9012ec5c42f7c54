"""The library's list: every rule as a row, filtered and counted in memory, because rules are few and already compiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol, TypeVar
from urllib.parse import urlencode

from django.urls import reverse

from ecsaudit import engine
from ecsaudit.compliance.frameworks import FRAMEWORKS, Control, controls_of
from ecsaudit.days import first_of
from ecsaudit.execsessions.models import DailyCount
from ecsaudit.execsessions.models import Dimension as Counted
from ecsaudit.findings.models import Priority
from ecsaudit.library.effective import Effective
from ecsaudit.library.models import Kind, Layer, Library, Mode, QuietCount, Version
from ecsaudit.policies.coverage import coverage
from ecsaudit.policies.in_force import policies
from ecsaudit.visible import shortened
from ecsaudit.web.control_filter import CONTROL_WORDS, FRAMEWORK_WORDS, chosen_frameworks, framework_of
from ecsaudit.web.exports import Column, attribute
from ecsaudit.web.filters import Dimension, ListFilter, Spec
from ecsaudit.web.finding_list import ALL
from ecsaudit.web.lists import Facet, FacetValue

DAYS = 30
WEEK = 7
SOURCES = {"shipped": "Shipped", "customised": "Customised", "own": "Own"}
HEALTH = {"fine": "Fine", "warning": "Warning", "never": "Can't fire", "error": "Error"}
ATTACK = FRAMEWORKS["mitre-attack"]
# A facet that is too long to stand there before something narrower was chosen.
AFTER = {"technique": "tactic"}
PRIORITIES = {str(value): word for value, word in Priority.choices}
SPEC = Spec(
    time="",
    dimensions=(
        Dimension("framework", "", "Framework", FRAMEWORK_WORDS),
        Dimension("control", "", "Control", CONTROL_WORDS),
        Dimension("tactic", "", "ATT&CK tactic", ATTACK.tactic_names),
        Dimension("technique", "", "ATT&CK technique"),
        Dimension("priority", "", "Priority", PRIORITIES),
        Dimension("state", "", "State", {value: str(word) for value, word in Mode.choices}),
        Dimension("source", "", "Source", SOURCES),
        Dimension("health", "", "Health", HEALTH),
        Dimension("policy", "", "Policy"),
    ),
    exact=(),
    text=(),
)


class Filtered(Protocol):
    """A row that is filtered in memory: what it has in a dimension, and whether a searched text stands in it."""

    def values(self, dimension: str) -> Sequence[str]: ...

    def holds(self, text: str) -> bool: ...


R = TypeVar("R", bound=Filtered)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule with everything that its row, its facets and its page tell."""

    rule: engine.Rule
    state: str
    source: str
    health: str
    problems: tuple[str, ...]
    controls: tuple[Control, ...]
    hits: tuple[int, ...]
    last: date | None
    policies: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.rule.name

    @property
    def address(self) -> str:
        return item_address(Kind.RULE, self.name)

    @property
    def findings_address(self) -> str:
        return f"{reverse('findings')}?{urlencode({'rule': self.name} | ALL)}"

    @property
    def policies_address(self) -> str:
        return f"{reverse('policies')}?{urlencode({'rule': self.name})}"

    @property
    def priority(self) -> int:
        return int(Priority[self.rule.priority.upper()])

    @property
    def makes_findings(self) -> bool:
        return self.state == Mode.ON

    @property
    def state_word(self) -> str:
        return str(Mode(self.state).label)

    @property
    def source_word(self) -> str:
        return SOURCES[self.source]

    @property
    def health_word(self) -> str:
        return HEALTH[self.health]

    @property
    def week(self) -> int:
        return sum(self.hits[-WEEK:])

    @property
    def month(self) -> int:
        return sum(self.hits)

    @property
    def sparkline(self) -> str:
        """The points of an SVG line, 90 wide and 18 high."""
        highest = max(self.hits)
        return " ".join(
            f"{number * 90 / (len(self.hits) - 1):.0f},{17 - 16 * count / highest if highest else 17:.1f}"
            for number, count in enumerate(self.hits)
        )

    def values(self, dimension: str) -> Sequence[str]:
        """What the rule has in a dimension of the filter."""
        if dimension == "framework":
            return list(dict.fromkeys(control.framework for control in self.controls))
        if dimension == "control":
            return [control.key for control in self.controls]
        if dimension in ("tactic", "technique"):
            named = [control.identifier for control in self.controls if control.framework == ATTACK.key]
            if dimension == "technique":
                return [identifier for identifier in named if not identifier.startswith("TA")]
            return list(dict.fromkeys(tactic for identifier in named for tactic in ATTACK.tactics_of(identifier)))
        if dimension == "policy":
            return self.policies
        return [str(getattr(self, dimension))]

    def holds(self, text: str) -> bool:
        """Whether a text stands in what somebody would search."""
        rule = self.rule
        where = (rule.name, rule.description, rule.condition_text, rule.output_text, *rule.tags)
        return any(text.casefold() in each.casefold() for each in where)


EXPORT = (
    attribute("name"),
    attribute("description", "rule.description"),
    *map(attribute, ("state", "source", "health", "problems")),
    attribute("priority", "rule.priority"),
    attribute("tags", "rule.tags"),
    Column("controls", lambda row: [control.key for control in row.controls]),
    Column("event_names", lambda row: sorted(row.rule.event_names or ())),
    attribute("condition", "rule.condition_text"),
    attribute("output", "rule.output_text"),
    attribute("matches_7_days", "week"),
    attribute("matches_30_days", "month"),
    attribute("last_match", "last"),
)


def item_address(kind: str, name: str) -> str:
    return f"{reverse('library-item')}?{urlencode({'kind': kind, 'name': name})}"


def source_of(layers: Collection[str]) -> str:
    """Where an item comes from, by the layers of its texts; one of SOURCES."""
    if Layer.OWN in layers:
        return "own"
    return "customised" if Layer.OVERLAY in layers else "shipped"


def rows(effective: Effective, library: Library | None, today: date) -> list[RuleRow]:
    """Every rule, by name. Four queries, however many rules. What newer texts have wrong stands in the library."""
    first = first_of(DAYS, today)
    layers: dict[str, set[str]] = {}
    for name, layer in Version.objects.current().filter(kind=Kind.RULE).values_list("name", "layer"):
        layers.setdefault(name, set()).add(layer)
    hits: dict[str, Counter[date]] = {}
    for day, rule, count in DailyCount.objects.since(first).by_day(Counted.RULE):
        hits.setdefault(rule, Counter())[day] += count
    # What a rule without findings would have matched, and what a rule with findings has: never both in one number.
    would: dict[str, Counter[date]] = {}
    for day, rule, count in QuietCount.objects.filter(day__gte=first).values_list("day", "rule", "count"):
        would.setdefault(rule, Counter())[day] += count
    warnings: dict[str, list[engine.Problem]] = {}
    for problem in effective.loaded.warnings:
        warnings.setdefault(problem.rule_name, []).append(problem)
    errors: dict[str, list[str]] = {}
    for each in library.problems if library else ():
        errors.setdefault(each.get("name") or each["rule"], []).append(each["message"])
    policies_of = coverage.policies_by_rule(policies.current(), effective)
    found = [
        row(
            rule,
            effective,
            layers.get(rule.name, set()),
            errors.get(rule.name, []),
            warnings.get(rule.name, []),
            (would if rule.name in effective.quiet else hits).get(rule.name, Counter()),
            first,
            tuple(policies_of.get(rule.name, ())),
        )
        for rule in effective.rules
    ]
    return sorted(found, key=lambda each: each.name.casefold())


def row(
    rule: engine.Rule,
    effective: Effective,
    layers: set[str],
    errors: Sequence[str],
    warnings: Iterable[engine.Problem],
    hits: Counter[date],
    first: date,
    policies_of: tuple[str, ...],
) -> RuleRow:
    problems = [*errors, *(problem.message or problem.hint for problem in warnings)]
    never = any(problem.code == "ECSAUDIT_NEVER_MATCHES" for problem in warnings)
    if rule.event_names is None:
        problems.append(
            "it matches events of any name, so CloudTrail can't be asked for them: name events with ct.name"
        )
        never = True
    health = "error" if errors else "never" if never else "warning" if problems else "fine"
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return RuleRow(
        rule,
        effective.mode_of(rule),
        source_of(layers),
        health,
        tuple(problems),
        tuple(controls_of(rule.tags)),
        tuple(hits[day] for day in days),
        max((day for day, count in hits.items() if count > 0), default=None),
        policies_of,
    )


def apply(filter: ListFilter, found: Iterable[R]) -> list[R]:
    """The rows that the filter lets through: one of the values in each dimension that is filtered, and the text."""
    wanted = grouped(filter.included)
    unwanted = grouped(filter.excluded)
    return [
        each
        for each in found
        if all(not values.isdisjoint(each.values(name)) for name, values in wanted.items())
        and all(values.isdisjoint(each.values(name)) for name, values in unwanted.items())
        and (not filter.search or each.holds(filter.search))
    ]


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, value in pairs:
        found.setdefault(name, set()).add(value)
    return found


def facets(filter: ListFilter, found: Sequence[RuleRow]) -> list[Facet]:
    """The values of each dimension with the number of rules; controls once a framework is chosen, techniques a tactic."""
    chosen = chosen_frameworks(filter)
    titles = {control.key: f"{control.identifier} {control.title}" for each in found for control in each.controls}
    shown = [
        facet(filter, dimension, found, technique_words if dimension.name == "technique" else dimension.word)
        for dimension in SPEC.dimensions
        if dimension.name != "control" and is_shown(dimension.name, filter)
    ]
    for framework in FRAMEWORKS.values():
        if framework.key in chosen:
            here = [key for key in titles if framework_of(key) == framework.key]
            dimension = Dimension("control", "", framework.title)
            shown.insert(1, facet(filter, dimension, found, titles.__getitem__, here))
    return shown


def technique_words(identifier: str) -> str:
    return f"{identifier} {ATTACK.controls.get(identifier, '')}".rstrip()


def is_shown(name: str, filter: ListFilter) -> bool:
    """Whether a dimension's facet stands there already."""
    return name not in AFTER or any(each in (name, AFTER[name]) for each, _ in filter.included)


def facet(
    filter: ListFilter,
    dimension: Dimension,
    found: Sequence[Filtered],
    word: Callable[[str], str],
    only: Sequence[str] | None = None,
) -> Facet:
    counts = Counter(value for each in found for value in each.values(dimension.name))
    order: Mapping[str, object] | Sequence[str] = (
        sorted(only) if only is not None else dimension.words or sorted(counts)
    )
    included = set(filter.included)
    values = [
        FacetValue(
            shortened(word(value), 60),
            counts[value],
            (dimension.name, value) in included,
            filter.toggled(dimension.name, value).address(),
            filter.without(dimension.name, value).address(),
        )
        for value in order
        if counts[value]
    ]
    return Facet(dimension.label, dimension.name, values, 0)
