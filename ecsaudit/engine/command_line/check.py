"""`check`: the problems of rule files, as text, JSON or SARIF."""

from __future__ import annotations

import argparse
import json
import sys

from .reports import as_json
from .rule_files import Checked, counted, load, print_problems
from .sarif import as_sarif

HELP = "Tell every problem of rule files, loaded together in the order given."
EXAMPLE = "--strict rules/*.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a rule file, a folder of them, or - for standard input"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list of results in Falco's form, one for each file")
    form.add_argument("--sarif", action="store_true", help="SARIF 2.1.0, for code scanning")
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")


def run(options: argparse.Namespace) -> int:
    checked = load(options.files)
    if options.json or options.sarif:
        print(json.dumps(as_sarif(checked) if options.sarif else as_json(checked), indent=2))
    else:
        _print(checked)
    return int(bool(checked.errors or (options.strict and checked.loaded.warnings)))


def _print(checked: Checked) -> None:
    print_problems(checked.errors, "error", sys.stdout)
    print_problems(checked.loaded.warnings, "warning", sys.stdout)
    found = f"{counted(len(checked.errors), 'error')}, {counted(len(checked.loaded.warnings), 'warning')}"
    print(f"{found} in {counted(len(checked.texts), 'file')}, {counted(len(checked.loaded.rules), 'rule')}")
