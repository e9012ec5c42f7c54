"""Lists of patterns, as people write them in a policy: one a line, `*` for any text, `not` before what is left out.

prod-*          whatever begins so
not prod-test   but not this

Case doesn't count. `*` is the only sign that means something, and a test takes a time that grows with the text.

PatternError            a line that can't be one; says which, and what to do
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

MOST = 200
LONGEST = 256
NOT = "not "


class PatternError(ValueError):
    """A line that can't be a pattern."""


def lines_of(text: str) -> list[str]:
    """The patterns in a text, each once. Raises PatternError."""
    lines = list(dict.fromkeys(line.strip() for line in text.splitlines()))
    lines = [line for line in lines if line]
    if len(lines) > MOST:
        raise PatternError(f"{len(lines):,} lines; at most {MOST} are allowed: use * for what they share")
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST:
            raise PatternError(f"line {number} has {len(line):,} characters; at most {LONGEST} are allowed")
        if not line.isprintable():
            raise PatternError(f"line {number} holds a character that can't be seen; type it anew")
        if line.casefold() == NOT.strip():
            raise PatternError(f"line {number} says “not”, but not what; write for example: not prod-*")
    return lines


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line without its `not`, as written and folded into the parts between its stars."""

    text: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Pattern:
        return cls(text, tuple(text.casefold().split("*")))

    def matches(self, folded: str) -> bool:
        """Whether a folded text is what the pattern says."""
        if len(self.parts) == 1:
            return folded == self.parts[0]
        first, *middle, last = self.parts
        if len(folded) < len(first) + len(last) or not folded.startswith(first) or not folded.endswith(last):
            return False
        # The leftmost place of each part leaves the most to those behind it.
        place, end = len(first), len(folded) - len(last)
        for part in middle:
            found = folded.find(part, place, end)
            if found < 0:
                return False
            place = found + len(part)
        return True


@dataclass(frozen=True, slots=True)
class Patterns:
    """What is meant, and what of it is left out. With nothing in `included`, everything is meant."""

    included: tuple[Pattern, ...] = ()
    excluded: tuple[Pattern, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.included or self.excluded)

    def leaves_out(self, values: Iterable[str]) -> Pattern | None:
        """The pattern by which one of these spellings of a value is left out."""
        return first_match(self.excluded, values)

    def names(self, values: Iterable[str]) -> Pattern | None:
        """The pattern that names one of these spellings."""
        return first_match(self.included, values)

    def __str__(self) -> str:
        """`prod-*, dev-*, not prod-test`."""
        return ", ".join([*(each.text for each in self.included), *(f"not {each.text}" for each in self.excluded)])


ANY = Patterns()


def first_match(patterns: Sequence[Pattern], values: Iterable[str]) -> Pattern | None:
    """A value that is not known, an empty text, is matched by no pattern."""
    folded = [value.casefold() for value in values if value]
    return next((pattern for pattern in patterns if any(map(pattern.matches, folded))), None)


@lru_cache(maxsize=4_096)
def patterns(lines: tuple[str, ...]) -> Patterns:
    """What these lines say."""
    excluded = [line[len(NOT) :].strip() for line in lines if line.casefold().startswith(NOT)]
    included = [line for line in lines if not line.casefold().startswith(NOT)]
    return Patterns(tuple(map(Pattern.of, included)), tuple(map(Pattern.of, excluded)))
