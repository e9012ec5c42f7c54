"""The list of macros and lists: what rules share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecsaudit.library.effective import Effective
from ecsaudit.library.models import Kind, Version
from ecsaudit.library.uses import times_named
from ecsaudit.web.exports import attribute
from ecsaudit.web.filters import Dimension, Spec
from ecsaudit.web.rule_list import SOURCES, item_address, source_of

USED = {"yes": "Used", "no": "Not used"}
SPEC = Spec(
    time="",
    dimensions=(
        Dimension("kind", "", "Kind", {Kind.MACRO.value: "Macros", Kind.LIST.value: "Lists"}),
        Dimension("source", "", "Source", SOURCES),
        Dimension("used", "", "Used", USED),
    ),
    exact=(),
    text=(),
)


@dataclass(frozen=True, slots=True)
class SharedRow:
    """A macro or list. `meaning` is its condition with everything spelled out, or its items; `uses` those that name it."""

    kind: str
    name: str
    source: str
    meaning: str
    uses: int

    @property
    def address(self) -> str:
        return item_address(self.kind, self.name)

    @property
    def source_word(self) -> str:
        return SOURCES[self.source]

    @property
    def used(self) -> str:
        return "yes" if self.uses else "no"

    def values(self, dimension: str) -> Sequence[str]:
        return [str(getattr(self, dimension))]

    def holds(self, text: str) -> bool:
        return any(text.casefold() in each.casefold() for each in (self.name, self.meaning))


EXPORT = tuple(map(attribute, ("kind", "name", "source", "meaning", "uses")))


def rows(effective: Effective) -> list[SharedRow]:
    """Every macro and list, by name. One query, however many."""
    layers: dict[tuple[str, str], set[str]] = {}
    versions = Version.objects.current().exclude(kind=Kind.RULE)
    for kind, name, layer in versions.values_list("kind", "name", "layer"):
        layers.setdefault((kind, name), set()).add(layer)
    uses = times_named(effective.loaded, effective.rules)
    meanings = {(Kind.MACRO.value, name): text for name, text in effective.loaded.macros.items()}
    meanings |= {(Kind.LIST.value, name): ", ".join(items) for name, items in effective.loaded.lists.items()}
    found = [
        SharedRow(*item, source_of(layers.get(item, set())), meaning, uses[item]) for item, meaning in meanings.items()
    ]
    return sorted(found, key=lambda row: (row.name.casefold(), row.kind))
