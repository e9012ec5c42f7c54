"""`explain`: why rules match records, or why not."""

from __future__ import annotations

import argparse
import json
import sys

from ..explain import explain
from ..explanation_text import explanation_lines
from ..output import one_line
from . import events
from .evaluate import UNREADABLE, add_event_arguments
from .rule_files import load, print_problems

HELP = "Show for each rule and record what every part of the condition came to."
EXAMPLE = '--rules rules/ --rule "Terminal Shell in ECS Container" event.json'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_event_arguments(parser)
    parser.add_argument(
        "--rule", action="append", metavar="NAME", help="only this rule; may be repeated (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="a JSON line for each rule and record")


def run(options: argparse.Namespace) -> int:
    checked = load(options.rules)
    if checked.errors:
        print_problems(checked.errors, "error", sys.stderr)
        return 1
    rules = {rule.name: rule for rule in checked.loaded.rules}
    unknown = [name for name in options.rule or () if name not in rules]
    if unknown:
        print(one_line(f"no rule is named '{unknown[0]}'; there are: {', '.join(rules)}"), file=sys.stderr)
        return 2
    unreadable = number = 0
    for name in events.files(options.events):
        for found in events.records(name, lambda read: None):
            if found.problem:
                unreadable += 1
                print(one_line(f"{found.place}: {found.problem}"), file=sys.stderr)
                continue
            number += 1
            for rule_name in options.rule or rules:
                explanation = explain(rules[rule_name], found.text, number)
                if options.json:
                    place = {"record": found.place, "rule": rule_name, "explanation": explanation.as_dict()}
                    print(json.dumps(place))
                else:
                    verdict = "matches" if explanation.result else "does not match"
                    print(one_line(f"{found.place}: {rule_name} {verdict}"))
                    print("\n".join(explanation_lines(explanation, 1)))
    return UNREADABLE if unreadable else 0
