"""A condition ready to run: the tree again, each node with its test of a record.

The tests are closures over each other; the tree around them is for those that look closer (`dispatch`, `explain`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .nodes import Comparison, Exists, ListValue, Macro, Value
from .record import Record
from .transformers import Operand

RecordTest = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison or `exists`.

    `right` is the other side if that is a field or transformer; else `constants` are the other side in the field's type,
    and `accepts` tells whether the comparison holds for a value.
    """

    node: Comparison | Exists
    test: RecordTest
    left: Operand
    right: Operand | None = None
    constants: tuple[Any, ...] = ()
    accepts: Callable[[Any], bool] | None = None


@dataclass(frozen=True, slots=True)
class Every:
    """`and`."""

    children: tuple[Compiled, ...]
    test: RecordTest


@dataclass(frozen=True, slots=True)
class Some:
    """`or`."""

    children: tuple[Compiled, ...]
    test: RecordTest


@dataclass(frozen=True, slots=True)
class Negated:
    """`not`."""

    child: Compiled
    test: RecordTest


@dataclass(frozen=True, slots=True)
class Expanded:
    """A macro; the test is its body's."""

    node: Macro
    child: Compiled
    test: RecordTest


Compiled = Check | Every | Some | Negated | Expanded


def every(children: Sequence[Compiled]) -> Every:
    return Every(tuple(children), all_of([child.test for child in children]))


def some(children: Sequence[Compiled]) -> Some:
    return Some(tuple(children), any_of([child.test for child in children]))


def negated(child: Compiled) -> Negated:
    return Negated(child, none_of(child.test))


def leaves(check: Compiled) -> Iterator[Check]:
    """The comparisons and `exists` of a condition, from left to right."""
    if isinstance(check, Check):
        yield check
    elif isinstance(check, Negated | Expanded):
        yield from leaves(check.child)
    else:
        for child in check.children:
            yield from leaves(child)


def macro_names(check: Compiled) -> Iterator[str]:
    """The macros that a condition names, those in macros among them."""
    if isinstance(check, Expanded):
        yield check.node.name
    if isinstance(check, Negated | Expanded):
        yield from macro_names(check.child)
    elif not isinstance(check, Check):
        for child in check.children:
            yield from macro_names(child)


def list_names(check: Compiled) -> Iterator[str]:
    """The lists that a condition names."""
    for leaf in leaves(check):
        right = leaf.node.right if isinstance(leaf.node, Comparison) else None
        if isinstance(right, Value | ListValue):
            yield from right.lists


def shortened(check: Compiled, answers: Mapping[int, bool | None]) -> Compiled | bool:
    """What is left of a condition when checks are answered (by their id), or its result if nothing is."""
    if isinstance(check, Check):
        answer = answers.get(id(check))
        return check if answer is None else answer
    if isinstance(check, Expanded):
        return shortened(check.child, answers)
    if isinstance(check, Negated):
        left = shortened(check.child, answers)
        return not left if isinstance(left, bool) else negated(left)
    decisive = not isinstance(check, Every)
    children: list[Compiled] = []
    for child in check.children:
        left = shortened(child, answers)
        if left is decisive:
            return decisive
        if not isinstance(left, bool):
            children.append(left)
    if not children:
        return not decisive
    if len(children) == 1:
        return children[0]
    return some(children) if decisive else every(children)


# Loops, because all() and any() would cost a frame for their generator at every level of nesting.
def all_of(tests: list[RecordTest]) -> RecordTest:
    def check(record: Record) -> bool:
        for test in tests:  # noqa: SIM110
            if not test(record):
                return False
        return True

    return check


def any_of(tests: list[RecordTest]) -> RecordTest:
    def check(record: Record) -> bool:
        for test in tests:  # noqa: SIM110
            if test(record):
                return True
        return False

    return check


def none_of(test: RecordTest) -> RecordTest:
    return lambda record: not test(record)
