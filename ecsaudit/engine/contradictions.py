"""Conditions that no record can meet: found where that is certain, which is not everywhere.

Whatever must hold together is gathered: the parts of an `and`, and with them each alternative of an `or` in turn. What
is said of one field there excludes itself if no value is left that all of it lets through. Which values to try is known
where one part names them (`=`, `in`), for fields of few values, and for numbers, where only the constants and their
neighbours can make a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .checks import Check, Compiled, Every, Expanded, Negated
from .fields import ALL_FIELDS, FieldType
from .nodes import Comparison, Exists, Field, Transformer
from .patterns import ascii_lower, ascii_upper
from .pointer import split_pointer

# Values are tried at most so often for one condition; after that nothing is said of it.
_MAX_TRIALS = 50_000
# Longer texts and more literals are not told in full.
_MAX_LENGTH = 80
_MAX_TOLD = 3
_MAX_NUMBER = (1 << 64) - 1
_NAMING = ("=", "==", "in", "intersects")
_CONTAINING = ("contains", "startswith", "endswith")
_JSON = ("json.value", "jevt.value")
_NUMBERS = (FieldType.NUMBER, FieldType.TIME)


@dataclass(frozen=True, slots=True)
class _Folding:
    """A transformer after which some letters are gone."""

    function: Callable[[str], str]
    lost: str


_FOLDING = {"tolower": _Folding(ascii_lower, "capital"), "toupper": _Folding(ascii_upper, "small")}


@dataclass(frozen=True, slots=True)
class Literal:
    """A check that has to hold, or not to hold; `at` is its place, or that of the macro around it."""

    check: Check
    holds: bool
    at: int

    def __str__(self) -> str:
        return str(self.check.node) if self.holds else f"not {self.check.node}"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Literals that exclude each other; if there is only one, it excludes itself. `hint` says why, where it can."""

    literals: tuple[Literal, ...]
    hint: str = ""

    @property
    def at(self) -> int:
        return self.literals[-1].at

    def __str__(self) -> str:
        texts = [f"'{_shortened(str(literal))}'" for literal in self.literals]
        if len(texts) == 1:
            return f"{texts[0]} is never true"
        return f"{' and '.join(texts[:_MAX_TOLD])} exclude each other"


def contradiction(check: Compiled) -> Contradiction | None:
    """Why no record can meet a condition; None if one can, or if that isn't known."""
    try:
        return _Search().refuted([_Part(check, True, None)], {})
    except _TooManyTrialsError:
        return None
    except RecursionError:
        # Macros in macros can be nested deeper than this can look.
        return None


class _TooManyTrialsError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Part:
    """Something that has to hold, or not to hold; `at` is the outermost macro's place."""

    check: Compiled
    holds: bool
    at: int | None


# What has to hold by the field that it is about.
_Facts = dict[object, tuple[Literal, ...]]


class _Search:
    def __init__(self) -> None:
        self.trials = 0
        self.named: dict[int, frozenset[Any] | None] = {}

    def refuted(self, parts: Sequence[_Part], known: _Facts) -> Contradiction | None:
        """Why the parts can't hold together with what is known."""
        facts = dict(known)
        choices: list[list[_Part]] = []
        for found in _flattened(parts):
            if isinstance(found, list):
                choices.append(found)
                continue
            subject = _subject(found.check)
            facts[subject] = (*facts.get(subject, ()), found)
            reason = self.excluded(facts[subject])
            if reason is not None:
                return reason
        for choice in choices:
            reasons = [self.refuted([part], facts) for part in choice]
            if all(reasons):
                return reasons[0]
        return None

    def excluded(self, literals: tuple[Literal, ...]) -> Contradiction | None:
        """Why the last of these literals about one field can't hold with those before."""
        *before, last = literals
        if not self.possible((last,)):
            return Contradiction((last,), _why(last))
        for other in before:
            if not self.possible((other, last)):
                return Contradiction((other, last))
        return None if self.possible(literals) else Contradiction(literals)

    def possible(self, literals: tuple[Literal, ...]) -> bool:
        """Whether some value may be left, as far as can be told."""
        wanted = {_claim(literal.check) for literal in literals if literal.holds}
        if not wanted:
            # A missing field meets them all.
            return True
        for literal in literals:
            if not literal.holds and (isinstance(literal.check.node, Exists) or _claim(literal.check) in wanted):
                return False
        values = self.values(literals)
        return values is None or any(self.passes(value, literals) for value in values)

    def passes(self, value: Any, literals: tuple[Literal, ...]) -> bool:
        self.count(len(literals))
        for literal in literals:
            accepts = literal.check.accepts
            if accepts is not None and bool(accepts(value)) is not literal.holds:
                return False
        return True

    def values(self, literals: tuple[Literal, ...]) -> Collection[Any] | None:
        """The values of which one must pass if the literals can hold together; None if that can't be told."""
        check = literals[0].check
        if check.left.is_list:
            return None
        named = [values for literal in literals if literal.holds and (values := self.names(literal.check)) is not None]
        if named:
            return min(named, key=len)
        closed = _closed(check)
        if closed is not None or check.left.type not in _NUMBERS:
            return closed
        constants = {constant for literal in literals for constant in literal.check.constants}
        near = {value + step for value in (0, _MAX_NUMBER, *constants) for step in (-1, 0, 1)}
        return [value for value in near if 0 <= value <= _MAX_NUMBER and _can_be(check, value)]

    def names(self, check: Check) -> frozenset[Any] | None:
        """The values that a check names, as far as its field can have them."""
        if id(check) not in self.named:
            self.count(len(check.constants))
            self.named[id(check)] = _named(check)
        return self.named[id(check)]

    def count(self, trials: int) -> None:
        self.trials += trials
        if self.trials > _MAX_TRIALS:
            raise _TooManyTrialsError


def _flattened(parts: Sequence[_Part]) -> Iterator[Literal | list[_Part]]:
    """The literals that all have to hold, and the alternatives of which one has to."""
    for part in parts:
        check, holds, at = part.check, part.holds, part.at
        if isinstance(check, Check):
            yield Literal(check, holds, check.node.at if at is None else at)
        elif isinstance(check, Negated):
            yield from _flattened([_Part(check.child, not holds, at)])
        elif isinstance(check, Expanded):
            yield from _flattened([_Part(check.child, holds, check.node.at if at is None else at)])
        else:
            children = [_Part(child, holds, at) for child in check.children]
            if isinstance(check, Every) is holds:
                yield from _flattened(children)
            else:
                yield children


def _subject(check: Check) -> object:
    """What a check is about, the same for both names of a place in the record."""
    left = check.node.left
    while isinstance(left, Transformer) and left.name == "val" and isinstance(left.arguments[0], Field | Transformer):
        left = left.arguments[0]
    if isinstance(left, Field) and left.name in _JSON:
        return split_pointer(left.argument or "")
    return str(left)


def _claim(check: Check) -> object:
    """What a check says, the same for the same said twice."""
    node = check.node
    if isinstance(node, Exists):
        return _subject(check)
    operator = "=" if node.operator == "==" else node.operator
    return _subject(check), operator, node.modifier, check.constants or str(node.right)


def _named(check: Check) -> frozenset[Any] | None:
    node = check.node
    if isinstance(node, Exists) or check.accepts is None:
        return None
    if node.operator in _NAMING:
        return frozenset(value for value in check.constants if _can_be(check, value))
    if node.operator in _CONTAINING and _folding(check) and not any(_can_be(check, one) for one in check.constants):
        return frozenset()
    return frozenset() if node.modifier and not check.constants else None


def _can_be(check: Check, value: Any) -> bool:
    """Whether the check's field can have a value, or with a transformer a part of one."""
    closed, folding = _closed(check), _folding(check)
    if closed is not None:
        return value in closed
    if folding is not None:
        return bool(folding.function(value) == value)
    # Events are counted from 1: Falco's rules use `evt.num = 0` for a placeholder.
    return bool(value) or _subject(check) != "evt.num"


def _closed(check: Check) -> frozenset[Any] | None:
    """All values that the field can have, if it is one of few."""
    subject = _subject(check)
    definition = ALL_FIELDS.get(subject) if isinstance(subject, str) else None
    return None if definition is None else definition.values


def _folding(check: Check) -> _Folding | None:
    left = check.node.left
    return _FOLDING.get(left.name) if isinstance(left, Transformer) else None


def _why(literal: Literal) -> str:
    check = literal.check
    closed, folding = _closed(check), _folding(check)
    if isinstance(check.node, Comparison) and check.accepts is not None and not check.constants:
        return "the list is empty"
    if closed is not None:
        return (
            f"{check.node.left} is {' or '.join(sorted(map(str, closed)))}" if closed else "the field is always missing"
        )
    return f"no {folding.lost} letters are left" if folding else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"
