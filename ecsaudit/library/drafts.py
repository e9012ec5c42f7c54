"""What the rule set would be with one text put in place of what is in force. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ecsaudit import engine
from ecsaudit.library.composing import Composed, compose, placed
from ecsaudit.library.models import Library, Version, problem_row
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


def drafted(*, kind: str, name: str, layer: str, text: str) -> Draft:
    """The draft with this text; an empty one takes the layer away. Raises TextRefused where it isn't of such an item."""
    text = text_for(kind, name, text.replace("\r\n", "\n")) if text.strip() else ""
    others = [
        version
        for version in Version.objects.current()
        if (version.kind, version.name, version.layer) != (kind, name, layer)
    ]
    if text:
        others.append(Version(kind=kind, name=name, layer=layer, text=text))
    composed = compose(Library.objects.get(pk=1).shipped_files, others)
    return Draft(kind, name, composed, engine.load_rules(composed.files))


def changed(live: Mapping[str, engine.Rule], draft: Mapping[str, engine.Rule]) -> list[str]:
    """The names of the rules that are new, gone, or no longer mean the same, in the order of the draft, then of live."""
    names = dict.fromkeys([*draft, *live])
    return [name for name in names if meaning(live.get(name)) != meaning(draft.get(name))]


def meaning(rule: engine.Rule | None) -> object:
    """All that tells in findings; None for no rule."""
    if rule is None:
        return None
    return str(rule.condition.tree), rule.output_text, rule.priority, rule.tags, rule.source, rule.exceptions
