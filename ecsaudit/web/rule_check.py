"""What the editor says of a text before it is saved: problems, tests, and why an event would match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ecsaudit import engine
from ecsaudit.cloudtrail.models import Event
from ecsaudit.library import services
from ecsaudit.library.drafts import Draft, changed_rules, drafted
from ecsaudit.library.effective import Effective
from ecsaudit.library.macro_errors import macro_errors
from ecsaudit.library.models import Kind
from ecsaudit.library.rule_tests import Result, results
from ecsaudit.library.texts import LONGEST_TEXT, TextRefused
from ecsaudit.visible import visible

# Of what a macro or list changes, this many rules are tested and named.
MOST_RULES = 100
# Of lines with what can't be seen, so many are told.
MOST_INVISIBLE = 50


@dataclass(frozen=True, slots=True)
class Told:
    """A problem for the screen. `own`: it stands in the text at hand, whose line is `source`."""

    level: str
    message: str
    hint: str
    line: int
    column: int
    place: str
    own: bool
    source: str = ""

    @property
    def caret(self) -> str:
        """Blanks up to the column, for a line of its own below `source`."""
        return " " * (self.column - 1) + "^"


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked text. `rules` are the rules that it would change; `event` tells, for the event at hand, about each."""

    problems: Sequence[Told] = ()
    tests: Sequence[Result] = ()
    rules: Sequence[str] = ()
    more_rules: int = 0
    rule: engine.Rule | None = None
    event: Sequence[tuple[str, engine.Explanation]] = field(default=())

    @property
    def errors(self) -> int:
        return sum(problem.level == "error" for problem in self.problems)

    @property
    def failed(self) -> int:
        return sum(not result.passed for result in self.tests)


def checked(
    *, kind: str, name: str, layer: str, text: str, effective: Effective | None, event: Event | None
) -> Checked:
    """Check a text against the rule set in force; nothing is changed. `event` is one to explain beside the tests."""
    try:
        draft = drafted(kind=kind, name=name, layer=layer, text=text)
    except TextRefused as error:
        return Checked(problems=told([services.refusal(kind, name, error)], [], kind, name, text))
    live = effective.rules if effective else ()
    names = [name] if kind == Kind.RULE else changed_rules(live, draft.loaded.rules)
    tested = [each for each in names if each in draft.rules][:MOST_RULES]
    errors = draft.errors
    if kind == Kind.MACRO and errors:
        place = {"file": f"{kind} {name}", "kind": kind, "name": name}
        places = {(row["file"], row["line"], row["column"]) for row in errors}
        alone = [row | place for row in macro_errors(text, draft.composed.files)]
        errors = [*(row for row in alone if (row["file"], row["line"], row["column"]) not in places), *errors]
    return Checked(
        problems=told(errors, draft.warnings, kind, name, text),
        tests=results(draft.rules, tested),
        rules=names[:MOST_RULES] if kind != Kind.RULE else (),
        more_rules=max(len(names) - MOST_RULES, 0),
        rule=draft.rules.get(name) if kind == Kind.RULE else None,
        event=explained(draft, tested, event),
    )


def explained(draft: Draft, names: Sequence[str], event: Event | None) -> list[tuple[str, engine.Explanation]]:
    return [(name, engine.explain(draft.rules[name], event.raw_text)) for name in names] if event else []


def told(
    errors: Sequence[Mapping[str, Any]], warnings: Sequence[Mapping[str, Any]], kind: str, name: str, text: str
) -> list[Told]:
    """Kept problems as the screen shows them, errors first."""
    lines = text.split("\n")
    shown = []
    for level, rows in (("error", errors), ("warning", warnings)):
        for row in rows:
            own = (row.get("kind"), row.get("name")) == (kind, name)
            source = lines[row["line"] - 1] if own and 0 < row["line"] <= len(lines) else ""
            shown.append(
                Told(level, row["message"], row["hint"], row["line"], row["column"], row["file"], own, source[:300])
            )
    return [*shown, *islice(invisible_lines(lines), MOST_INVISIBLE)] if len(text) <= LONGEST_TEXT else shown


def invisible_lines(lines: Sequence[str]) -> Iterator[Told]:
    for number, line in enumerate(lines, start=1):
        if visible(line.rstrip("\r")) != line.rstrip("\r"):
            yield invisible(number, line)


def invisible(number: int, line: str) -> Told:
    """A warning about a line that isn't what it seems, at its first invisible character."""
    column = next(index for index, character in enumerate(line, start=1) if visible(character) != character)
    message = f"this line holds what can't be seen: {visible(line[column - 1])}"
    return Told(
        "warning",
        message,
        "take it out, or write it as an escape in double quotes",
        number,
        column,
        "",
        True,
        line[:300],
    )
