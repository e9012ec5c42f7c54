"""Texts in force → the files of the rule set, and problems in them → the item that they are about. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ecsaudit import engine
from ecsaudit.library.models import Files, Kind, Layer, Mode, Version

OWN_FILE = "own.yaml"
OVERLAY_FILE = "overlays.yaml"
EXCEPTIONS_FILE = "exceptions.yaml"
_ORDER = list(Kind.values)
_WORD = re.compile(r"\w+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Composed:
    """Files in loading order; `starts` are the lines at which the items of the written files begin."""

    files: Files
    modes: dict[str, str]
    versions: dict[str, int]
    starts: dict[str, list[tuple[int, Version]]]

    def item_at(self, file: str, line: int) -> tuple[Version, int] | None:
        """The version that stands at a line of a written file, and the line in its own text."""
        starts = self.starts.get(file, [])
        index = bisect_right(starts, line, key=lambda start: start[0]) - 1
        return None if index < 0 else (starts[index][1], line - starts[index][0] + 1)


def compose(shipped: Sequence[tuple[str, str]], current: Iterable[Version]) -> Composed:
    """Shipped files, then own items, overlays, and exceptions: lists, macros and rules, each by name.

    Only a macro that names another stands behind it, as Falco wants it. Exceptions of a rule that is gone wait for it.
    """
    versions = list(current)
    by_layer = {layer: [version for version in versions if version.layer == layer] for layer in Layer}
    made = {version.name for layer in (Layer.SHIPPED, Layer.OWN) for version in by_layer[layer] if is_rule(version)}
    by_layer[Layer.EXCEPTIONS] = [version for version in by_layer[Layer.EXCEPTIONS] if version.name in made]
    files, starts = list(shipped), {}
    for name, layer in ((OWN_FILE, Layer.OWN), (OVERLAY_FILE, Layer.OVERLAY), (EXCEPTIONS_FILE, Layer.EXCEPTIONS)):
        ordered = in_order(by_layer[layer])
        if ordered:
            text, starts[name] = joined(ordered)
            files.append((name, text))
    return Composed(
        files,
        {version.name: version.text for version in by_layer[Layer.SWITCH]},
        {
            version.name: version.pk
            for layer in (Layer.SHIPPED, Layer.OWN, Layer.OVERLAY)
            for version in by_layer[layer]
            if version.kind == Kind.RULE
        },
        starts,
    )


def is_rule(version: Version) -> bool:
    return version.kind == Kind.RULE


def in_order(versions: Iterable[Version]) -> list[Version]:
    """Texts of one layer as they follow each other in its file."""
    ordered = sorted(versions, key=lambda version: (_ORDER.index(version.kind), version.name))
    macros = {version.name: version for version in ordered if version.kind == Kind.MACRO}
    others = [version for version in ordered if version.kind != Kind.MACRO]
    lists = sum(version.kind == Kind.LIST for version in others)
    return [*others[:lists], *(macros[name] for name in used_first(macros)), *others[lists:]]


def used_first(macros: Mapping[str, Version]) -> list[str]:
    """The macros' names, those that others name before them; as they came where they go in a circle."""
    uses = {
        name: [word for line in macro.text.split("\n") if not line.startswith("#") for word in _WORD.findall(line)]
        for name, macro in macros.items()
    }
    known = {name: [word for word in words if word in macros and word != name] for name, words in uses.items()}
    try:
        return list(TopologicalSorter(known).static_order())
    except CycleError:
        # The engine tells it better, at its place.
        return list(macros)


def joined(versions: Sequence[Version]) -> tuple[str, list[tuple[int, Version]]]:
    """Their texts in one, with a line between, and the line at which each begins."""
    texts, starts, line = [], [], 1
    for version in versions:
        starts.append((line, version))
        texts.append(version.text)
        line += version.text.count("\n") + 1
    return "\n".join(texts), starts


def placed(row: dict[str, Any], composed: Composed) -> dict[str, Any]:
    """A kept problem at its place in the item's own text, where it stands in a written file."""
    at = composed.item_at(row["file"], row["line"])
    if at is None:
        return row
    version, line = at
    if version.layer == Layer.EXCEPTIONS:
        # No editor's text: it is made of what stands on the exceptions' own pages.
        return row | {"file": f"exceptions of {version.name}", "line": line}
    return row | {"file": f"{version.kind} {version.name}", "line": line, "kind": version.kind, "name": version.name}


def switched(rules: Iterable[engine.Rule], modes: dict[str, str]) -> tuple[engine.Rule, ...]:
    """The rules switched on and off."""
    return tuple(
        replace(rule, enabled=modes.get(rule.name, Mode.ON if rule.enabled else Mode.OFF) != Mode.OFF) for rule in rules
    )


def judging(rules: Iterable[engine.Rule]) -> engine.RuleSet:
    """A rule set in which every rule judges: what comes of its matches is for others to say."""
    return engine.RuleSet(replace(rule, enabled=True) for rule in rules)
