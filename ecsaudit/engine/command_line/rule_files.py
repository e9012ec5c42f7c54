"""Rule files from the command line, and their problems as text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from ..errors import Location, Problem
from ..loader import LoadResult, load_rules
from ..output import one_line

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Checked:
    """Files in the order given, with their texts (None: unreadable), and what loading them together gave."""

    texts: dict[str, str | None]
    loaded: LoadResult

    @property
    def errors(self) -> tuple[Problem, ...]:
        return self.loaded.errors


def load(names: Sequence[str]) -> Checked:
    """Load files, the rule files of folders, and `-` for standard input as one rule set."""
    texts: dict[str, str | None] = {}
    unreadable: list[Problem] = []
    for name in _files(names):
        try:
            texts[name] = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            texts[name] = None
            unreadable.append(_unreadable(name, error))
    loaded = load_rules([(name, text) for name, text in texts.items() if text is not None])
    return Checked(texts, replace(loaded, errors=(*unreadable, *loaded.errors)))


def _files(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        path = Path(name)
        if path.is_dir():
            yield from (str(found) for found in sorted(path.iterdir()) if found.suffix in _SUFFIXES)
        else:
            yield name


def _unreadable(name: str, error: OSError | UnicodeDecodeError) -> Problem:
    not_text = f"byte {error.start} is not UTF-8" if isinstance(error, UnicodeDecodeError) else ""
    message = not_text or getattr(error, "strerror", None) or str(error)
    return Problem("LOAD_ERR_FILE_READ", message, (Location("rules content"),), name, 1, 1, "")


def print_problems(problems: Iterable[Problem], kind: str, out: TextIO) -> None:
    """Each with its place, its line of the file with a caret, and what to do. Control characters are shown, not sent."""
    for problem in problems:
        owner = f" [{problem.rule_name}]" if problem.rule_name else ""
        message = problem.message or problem.hint
        place = f"{problem.file}:{problem.line}:{problem.column}"
        print(one_line(f"{place}: {kind} {problem.code}: {message}{owner}"), file=out)
        for line in problem.snippet.splitlines():
            print("    " + one_line(line.replace("\t", " ")), file=out)
        if problem.hint and problem.message:
            print(one_line(f"    hint: {problem.hint}"), file=out)


def counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
