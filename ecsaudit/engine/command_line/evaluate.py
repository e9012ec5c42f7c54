"""`eval`: rules over records; alerts as Falco writes them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from ..items import Priority
from ..output import one_line
from . import alerts, events
from .progress import Progress
from .rule_files import Checked, counted, load, print_problems

HELP = "Judge CloudTrail records with rules, and print an alert for every match."
EXAMPLE = "--rules rules/ --json trail.json.gz"
UNREADABLE = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_event_arguments(parser)
    parser.add_argument("--json", action="store_true", help="alerts as JSON lines")
    parser.add_argument("--iso-time", action="store_true", help="times in ISO 8601 form")
    parser.add_argument(
        "--min-priority", type=_priority, default=Priority.DEBUG, metavar="PRIORITY", help="leave out lower ones"
    )
    parser.add_argument("--summary", action="store_true", help="at the end, the matches of each rule on standard error")


def add_event_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rules",
        action="append",
        required=True,
        metavar="FILE",
        help="a rule file or a folder of them; may be repeated",
    )
    parser.add_argument(
        "events",
        nargs="*",
        metavar="EVENTS",
        help="records: lines of JSON, a trail's file, an array, or lookup-events' output, gzipped or not; a folder of such "
        "files; or - for standard input, the default",
    )


def run(options: argparse.Namespace) -> int:
    checked = load(options.rules)
    if checked.errors:
        print_problems(checked.errors, "error", sys.stderr)
        return 1
    return _Run(checked, options).judge(events.files(options.events))


class _Run:
    def __init__(self, checked: Checked, options: argparse.Namespace) -> None:
        self.rule_set = checked.loaded.rule_set
        self.options = options
        self.wanted = {rule.name for rule in checked.loaded.rules if rule.severity <= options.min_priority}
        self.records = 0
        self.unreadable = 0
        self.matches: Counter[str] = Counter()

    def judge(self, names: list[str]) -> int:
        sizes = {name: Path(name).stat().st_size if Path(name).is_file() else 0 for name in names}
        progress = Progress(sum(sizes.values()), sys.stderr)
        try:
            for name in names:
                for found in events.records(name, progress.moved):
                    progress.draw(self.records)
                    self.record(found, progress)
                progress.file_done(sizes[name])
        finally:
            progress.clear()
        if self.options.summary:
            self.summarise()
        return UNREADABLE if self.unreadable else 0

    def record(self, found: events.Found, progress: Progress) -> None:
        if found.problem:
            self.unreadable += 1
            progress.clear()
            print(one_line(f"{found.place}: {found.problem}"), file=sys.stderr)
            return
        self.records += 1
        write = alerts.as_json if self.options.json else alerts.as_text
        for match in self.rule_set.evaluate(found.text, self.records):
            if match.rule in self.wanted:
                self.matches[match.rule] += 1
                progress.clear()
                print(write(match, found.text, iso=self.options.iso_time))

    def summarise(self) -> None:
        read = f"{counted(self.records, 'record')} judged, {self.unreadable} not readable"
        print(f"{read}, {counted(self.matches.total(), 'match').replace('matchs', 'matches')}", file=sys.stderr)
        for rule, count in self.matches.most_common():
            print(one_line(f"{count:>8}  {rule}"), file=sys.stderr)


def _priority(text: str) -> Priority:
    priority = Priority.from_text(text)
    if priority is None:
        raise argparse.ArgumentTypeError(f"one of {', '.join(level.word for level in Priority)}")
    return priority
