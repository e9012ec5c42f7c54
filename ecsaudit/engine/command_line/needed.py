"""`needs`: which events rules can match, so which have to be collected."""

from __future__ import annotations

import argparse
import json
import sys

from ..output import one_line
from .rule_files import load, print_problems

HELP = "Tell which event names and sources each rule can match."
EXAMPLE = "rules/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a rule file, a folder of them, or - for standard input"
    )
    parser.add_argument("--json", action="store_true", help="as a list of objects; null is unbounded")


def run(options: argparse.Namespace) -> int:
    checked = load(options.files)
    if checked.errors:
        print_problems(checked.errors, "error", sys.stderr)
        return 1
    rows = [(rule.name, rule.enabled, rule.event_names, rule.event_sources) for rule in checked.loaded.rules]
    if options.json:
        found = [
            {"rule": name, "enabled": enabled, "event_names": _sorted(names), "event_sources": _sorted(sources)}
            for name, enabled, names, sources in rows
        ]
        print(json.dumps(found, indent=2))
        return 0
    for name, enabled, names, sources in rows:
        off = "" if enabled else " (off)"
        print(one_line(f"{name}{off}: {_shown(names)}; from {_shown(sources)}"))
    return 0


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _shown(names: frozenset[str] | None) -> str:
    return "unbounded" if names is None else ", ".join(sorted(names)) or "nothing"
