"""Compliance: all frameworks, the controls of one, ATT&CK's matrix; each also as a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from ecsaudit.cloudtrail.coverage import tolerance
from ecsaudit.compliance.frameworks import FRAMEWORKS, Framework
from ecsaudit.library.effective import rules
from ecsaudit.library.models import Library
from ecsaudit.web import csv_file
from ecsaudit.web.compliance_report import COLUMNS, STATES, Report, Row, csv_row, matrix_of, read_report
from ecsaudit.web.coverage_words import lines
from ecsaudit.web.filters import Dimension, ListFilter, Spec
from ecsaudit.web.finding_list import ALL
from ecsaudit.web.in_force import needs_rules
from ecsaudit.web.lists import FacetValue
from ecsaudit.web.period import period_of
from ecsaudit.web.times import minute, moment, span

RANGES = (7, 30, 90)
ATTACK = FRAMEWORKS["mitre-attack"]
OVERVIEW = Spec(time="", dimensions=(), exact=(), text=())
CONTROLS = Spec(time="", dimensions=(Dimension("state", "", "State", STATES),), exact=(), text=())
# A page names this many stretches that were not read; the file names all.
STRETCHES = 20
View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: the filter, with what of it could not be used, and the report of its period."""

    filter: ListFilter
    problems: Sequence[str]
    report: Report
    now: datetime

    def rows(self, framework: Framework) -> list[Row]:
        """The controls that the filter lets through."""
        states = {value for _, value in self.filter.included}
        left_out = {value for _, value in self.filter.excluded}
        return [
            row
            for row in self.report.rows(framework)
            if (not states or row.state in states) and row.state not in left_out and row.holds(self.filter.search)
        ]


def asked(request: HttpRequest, spec: Spec) -> Asked:
    """Raises RulesBroken."""
    now = timezone.now()
    filter = ListFilter.read(spec, request.GET)
    period, problems = period_of(filter, now.date())
    return Asked(filter, [*filter.problems, *problems], read_report(period, rules.current(), now), now)


@needs_rules
def overview(request: HttpRequest) -> HttpResponse:
    ask = asked(request, OVERVIEW)
    cards = [ask.report.card(framework) for framework in FRAMEWORKS.values()]
    return render(request, "compliance/overview.html", context(ask, None) | {"cards": cards})


@needs_rules
def framework(request: HttpRequest, key: str) -> HttpResponse:
    found = framework_or_404(key)
    ask = asked(request, CONTROLS)
    more = {"framework": found, "rows": ask.rows(found), "card": ask.report.card(found), "states": states(ask, found)}
    return render(request, "compliance/framework.html", context(ask, found) | more)


@needs_rules
def matrix(request: HttpRequest) -> HttpResponse:
    """ATT&CK: tactics as columns, techniques as cells."""
    ask = asked(request, CONTROLS)
    columns = matrix_of(ask.rows(ATTACK), ATTACK)
    deepest = max(len(column.cells) for column in columns)
    more = {
        "framework": ATTACK,
        "columns": columns,
        "lines": [[column.cells[number] if number < len(column.cells) else None for column in columns]
                  for number in range(deepest)],
        "card": ask.report.card(ATTACK),
        "states": states(ask, ATTACK),
    }  # fmt: skip
    return render(request, "compliance/matrix.html", context(ask, ATTACK) | more)


@needs_rules
def overview_csv(request: HttpRequest) -> HttpResponse:
    ask = asked(request, OVERVIEW)
    columns = ("Framework", "Version", "Controls in the catalogue", "Controls that rules name", *STATES.values(),
               "Findings", "Coverage")  # fmt: skip
    cards = [ask.report.card(framework) for framework in FRAMEWORKS.values()]
    rows: list[list[csv_file.Cell]] = [
        [
            card.framework.name,
            card.framework.version,
            card.summary.total,
            card.summary.served,
            *card.summary.counts.values(),
            card.findings,
            card.read,
        ]
        for card in cards
    ]
    return csv_file.response(file_name("compliance", ask), head(ask, "Compliance overview", None), columns, rows)


@needs_rules
def framework_csv(request: HttpRequest, key: str) -> HttpResponse:
    found = framework_or_404(key)
    ask = asked(request, CONTROLS)
    return csv_file.response(
        file_name(key, ask), head(ask, found.title, found), COLUMNS, [csv_row(row) for row in ask.rows(found)]
    )


@needs_rules
def matrix_csv(request: HttpRequest) -> HttpResponse:
    """A row for each technique under each of its tactics."""
    ask = asked(request, CONTROLS)
    columns = matrix_of(ask.rows(ATTACK), ATTACK)
    rows = [[column.identifier, column.title, *csv_row(row)] for column in columns for row in column.cells]
    name, title = file_name("mitre-attack-matrix", ask), f"{ATTACK.title}, matrix"
    return csv_file.response(name, head(ask, title, ATTACK), ("Tactic", "Tactic's name", *COLUMNS), rows)


def framework_or_404(key: str) -> Framework:
    if key not in FRAMEWORKS:
        raise Http404(f"there is no framework “{key}”; known are {', '.join(FRAMEWORKS)}")
    return FRAMEWORKS[key]


def context(ask: Asked, framework: Framework | None) -> dict[str, Any]:
    """What all the screens show."""
    filter, report = ask.filter, ask.report
    missing = lines(report.missing(framework))
    return {
        "filter": filter,
        "chips": filter.chips(),
        "kept": [pair for pair in filter.pairs() if pair[0] != "q"],
        "problems": ask.problems,
        "ranges": [(days, filter.with_days(days).address(), filter.days == days) for days in RANGES],
        "period": report.period,
        "read": report.read(framework),
        "missing": missing[:STRETCHES],
        "more_missing": max(len(missing) - STRETCHES, 0),
        "tolerance": span(tolerance()),
        "library": Library.objects.first(),
        "is_read": bool(report.coverage.sources),
        "has_findings": bool(report.findings),
        "findings_address": report.period.address(reverse("findings"), **ALL),
        "rule_set": report.rule_set[0],
        "rule_set_at": minute(report.rule_set[1]),
    }


def states(ask: Asked, framework: Framework) -> list[FacetValue]:
    """The states with the number of their controls, to choose from."""
    counts = Counter(row.state for row in ask.report.rows(framework))
    chosen = {value for _, value in ask.filter.included}
    return [
        FacetValue(
            word,
            counts[state],
            state in chosen,
            ask.filter.toggled("state", state).address(),
            ask.filter.without("state", state).address(),
        )
        for state, word in STATES.items()
        if counts[state] or state in chosen
    ]


def head(ask: Asked, title: str, framework: Framework | None) -> list[tuple[str, csv_file.Cell]]:
    """What a file says of itself, so that it can be read long after."""
    report = ask.report
    filters = "; ".join(chip.text for chip in ask.filter.chips() if not chip.text.startswith("Time: "))
    return [
        ("Report", title),
        ("Period", report.period.words),
        ("Filters", filters or "none"),
        ("Generated at", moment(ask.now)),
        ("Rule set", f"{report.rule_set[0]}, made {moment(report.rule_set[1])}"),
        ("Coverage", report.read(framework)),
        *(("Not read", line) for line in lines(report.missing(framework), in_full=True)),
        ("Counted", f"findings by day in UTC; a period is taken to end {span(tolerance())} before now at the latest"),
        *(("Note", problem) for problem in ask.problems),
    ]


def file_name(name: str, ask: Asked) -> str:
    period = ask.report.period
    return f"ecsaudit-{name}-{period.first}-to-{period.last or ask.now.date()}"
