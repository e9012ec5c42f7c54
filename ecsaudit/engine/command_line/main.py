"""Which commands there are, and what ends any of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from . import check, evaluate, explaining, field_table, needed


class Command(Protocol):
    HELP: str
    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, options: argparse.Namespace) -> int: ...


COMMANDS: dict[str, Command] = {
    "check": check,
    "eval": evaluate,
    "explain": explaining,
    "fields": field_table,
    "needs": needed,
}
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run a command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone; Python must not fail again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ecsaudit.engine", description="Falco rules for CloudTrail records."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, command in COMMANDS.items():
        example = f"example: python -m ecsaudit.engine {name} {command.EXAMPLE}"
        one = commands.add_parser(name, help=command.HELP, description=command.HELP, epilog=example)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return parser
