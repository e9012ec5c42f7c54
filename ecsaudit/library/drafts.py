"""What the rule set would be with one text put in place of what is in force. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ecsaudit import engine
from ecsaudit.library.composing import Composed, compose, placed
from ecsaudit.library.models import Layer, Library, RuleSet, Version, problem_row
from ecsaudit.library.texts import text_for


@dataclass(frozen=True)
class Draft:
    """A rule set with a text that isn't saved. `kind` and `name` are those of the item that the text is of."""

    kind: str
    name: str
    composed: Composed
    loaded: engine.LoadResult

    @cached_property
    def errors(self) -> list[dict[str, Any]]:
        """All errors of the rule set, each at its place in the text that somebody wrote."""
        return [placed(problem_row(problem), self.composed) for problem in self.loaded.errors]

    @cached_property
    def warnings(self) -> list[dict[str, Any]]:
        """The warnings about the item."""
        rows = [placed(problem_row(problem), self.composed) for problem in self.loaded.warnings]
        return [row for row in rows if (row.get("kind"), row.get("name")) == (self.kind, self.name)]

    @cached_property
    def rules(self) -> dict[str, engine.Rule]:
        return {rule.name: rule for rule in self.loaded.rules}

    def rule_set(self) -> RuleSet:
        """The same as a row that isn't saved; a text that isn't either has no id among its `versions`."""
        versions = {name: pk for name, pk in self.composed.versions.items() if pk is not None}
        return RuleSet(files=[list(pair) for pair in self.composed.files], modes=self.composed.modes, versions=versions)


def drafted(*, kind: str, name: str, layer: str, text: str) -> Draft:
    """The draft with this text; an empty one takes the layer away. TextRefused for what isn't such an item."""
    current = list(Version.objects.current())
    others = [version for version in current if (version.kind, version.name, version.layer) != (kind, name, layer)]
    # Without anything to take away, an empty text is only that.
    if text.strip() or len(others) == len(current):
        text = text_for(kind, name, text.replace("\r\n", "\n"))
        others.append(Version(kind=kind, name=name, layer=Layer(layer), text=text))
    composed = compose(Library.objects.get(pk=1).shipped_files, others)
    return Draft(kind, name, composed, engine.load_rules(composed.files))


def changed_rules(before: Iterable[engine.Rule], after: Iterable[engine.Rule]) -> list[str]:
    """The names of rules that don't mean the same in both, or are in one only, sorted.

    Whether a rule is on makes no difference to what it means.
    """
    old, new = ({rule.name: meaning(rule) for rule in rules} for rules in (before, after))
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def meaning(rule: engine.Rule) -> tuple[Any, ...]:
    """What a rule matches, with macros and lists spelled out, and what it says then."""
    return str(rule.condition.tree), rule.output_text, rule.severity, rule.tags, rule.source, rule.exceptions
