"""Which rules a record has to be asked, so that for most records it is none.

Rules are kept by the event names that they require. Below each name stands a tree of decisions that grows as records
come: a node stands for the rules that can still match, with what is still to be tested of each, and reads one value of
the record that these rules ask for. Values that the rules can't tell apart lead to the same node. A record goes down
until no rule is left, or nothing is left to test.

How a check is answered on the way: it is run on a `PartialRecord`, which knows only the values read so far. If it asks
for another it stays undecided. So nothing has to be known here about fields and operators.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .checks import Check, Compiled, RecordTest, leaves, shortened
from .record import ABSENT, NOT_THERE, WARY, Absent, Path, Record
from .rules import Rule

# What is left to test of rules (True: nothing, the rule matches).
Left = Sequence[tuple[Rule, Compiled | bool]]
# The same, ready to run (None: nothing is left).
Plan = tuple[tuple[Rule, RecordTest | None], ...]
Value = str | bool | Absent | None

_NAME = "/eventName"
# The values that lead further. No numbers among them: 1 equals True.
_KEYS = (str, bool, type(None), Absent)
# With more nodes, or more values that lead to them, all are forgotten and grow again.
_MAX_NODES = 20_000
_MAX_VALUES = 200_000
# Long texts, and fields of more values than this below one node, are not worth remembering.
_MAX_LENGTH = 256
_MANY = 1_000
# Growing costs time for each check and each rule: so many are granted, and when they are spent, so many more by each
# record that would have needed them.
_MAX_GRANT = 200_000
_GRANT = 20


class Dispatcher:
    """For rules in the order in which they are to be told. Threads can share it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.all: Plan = tuple((rule, rule.condition.test) for rule in rules)
        self.unbounded: Left = [(rule, rule.condition.check) for rule in rules if rule.event_names is None]
        self.by_name: dict[str, list[tuple[Rule, Compiled]]] = {
            name: [] for rule in rules for name in rule.event_names or ()
        }
        for rule in rules:
            for name in self.by_name if rule.event_names is None else rule.event_names:
                self.by_name[name].append((rule, rule.condition.check))
        self.asked: dict[int, dict[str, Path]] = {}
        # One path for each pointer, and the pointers to what has many values.
        self.paths: dict[str, Path] = {}
        self.wide: set[str] = set()
        self.grant = _MAX_GRANT
        self.forget()

    def forget(self) -> None:
        self.nodes = 0
        self.values = 0
        self.texts: dict[Value, Value] = {}
        self.named: dict[str, _Node] = {}
        self.unnamed = self._add(self.unbounded, {})

    def plan(self, raw: bytes, document: Any) -> Plan:
        """The rules that a record can match: its text, and simdjson's document of it."""
        try:
            name = document["eventName"]
        except KeyError:
            node = self.unnamed
        else:
            if type(name) is not str:
                # Text for json.value, though not for ct.name: any rule may match.
                return self.all
            node = self.named.get(name) or self._named(name)
        while (path := node.path) is not None:
            if path.wary or path.keys is None:
                value = path.read(raw, document)
            else:
                # What `read` does, without the call: here is where the time goes.
                try:
                    value = document
                    for key in path.keys:
                        value = value[key]
                except NOT_THERE:
                    path.wary = WARY
                    value = ABSENT
            if type(value) not in _KEYS:
                break
            below = node.below.get(value)
            if below is None:
                if type(value) is str and len(value) > _MAX_LENGTH:
                    break
                if self.grant < 0:
                    self.grant += _GRANT
                    break
                below = self._grow(node, value)
            node = below
        return node.plan

    def _named(self, name: str) -> _Node:
        """The node for an event name."""
        meant = name.partition("\0")[0]
        rules = self.by_name.get(meant)
        if rules is None:
            node = self.unnamed
        else:
            known = {_NAME: meant}
            node = self._add(_left(rules, PartialRecord(known).answers(_undecided(rules))), known)
        if len(name) <= _MAX_LENGTH:
            self.named[name] = node
            self._count(len(rules or ()))
        return node

    def _grow(self, node: _Node, value: Value) -> _Node:
        """The node below for a value that didn't come before."""
        question = node.question
        assert question is not None
        meant = value.partition("\0")[0] if isinstance(value, str) else value
        known = {**question.known, question.pointer: meant}
        answers = PartialRecord(known).answers(question.asking)
        # A check that asks for more than this value will need it again.
        needed = None in answers.values()
        kind = (*answers.values(), type(meant), meant) if needed else tuple(answers.values())
        below = question.nodes.get(kind)
        if below is None:
            left = _left(question.left, answers)
            below = question.nodes[kind] = self._add(left, known if needed else question.known)
        node.below[self.texts.setdefault(value, value)] = below
        if len(node.below) > _MANY:
            self.wide.add(question.pointer)
            self.forget()
        self._count(len(answers) + 1)
        return below

    def _add(self, left: Left, known: Mapping[str, Any]) -> _Node:
        self.nodes += 1
        self.grant -= len(left)
        return _Node(left, self._question(left, known))

    def _count(self, checks: int) -> None:
        """Another value was remembered, which cost the answers of these checks."""
        self.values += 1
        self.grant -= checks
        if self.values > _MAX_VALUES or self.nodes > _MAX_NODES:
            self.forget()

    def _question(self, left: Left, known: Mapping[str, Any]) -> _Question | None:
        """What is worth reading next: what most checks ask for."""
        asking: dict[str, list[Check]] = {}
        for check in _undecided(left):
            for pointer, path in self._pointers(check, known).items():
                if pointer not in self.wide:
                    asking.setdefault(pointer, []).append(check)
                    self.paths.setdefault(pointer, path)
        if not asking:
            return None
        # What is often missing costs about four times as much.
        best = max(asking, key=lambda pointer: len(asking[pointer]) / (4 if self.paths[pointer].wary else 1))
        return _Question(self.paths[best], best, tuple(asking[best]), left, known)

    def _pointers(self, check: Check, known: Mapping[str, Any]) -> dict[str, Path]:
        """The paths that a check asks for besides the known ones, by pointer."""
        asked = self.asked.get(id(check))
        if asked is None:
            asked = self.asked[id(check)] = PartialRecord({}).questions(check)
        return asked if known.keys().isdisjoint(asked) else PartialRecord(known).questions(check)


class _Node:
    """A stop on a record's way: the plan, and the path to read next, None at the end.

    Nodes are small and share what they can: most of the time is spent waiting for memory.
    """

    __slots__ = ("below", "path", "plan", "question")

    def __init__(self, left: Left, question: _Question | None) -> None:
        self.plan: Plan = tuple((rule, None if isinstance(check, bool) else check.test) for rule, check in left)
        self.question = question
        self.path = question.path if question else None
        self.below: dict[Value, _Node] = {}


@dataclass(slots=True)
class _Question:
    """What a node asks a record, for the growing of `nodes` below it: one for each set of answers that the checks which
    ask give. `known` are the values that undecided checks ask for."""

    path: Path
    pointer: str
    asking: tuple[Check, ...]
    left: Left
    known: Mapping[str, Any]
    nodes: dict[tuple[Any, ...], _Node] = field(default_factory=dict)


class PartialRecord(Record):
    """Knows the values at some paths. Any other question is an AttributeError: nothing else of it is ever set."""

    __slots__ = ("asked", "values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        # While it listens, it says of every other path that nothing is there, and remembers it.
        self.asked: dict[str, Path] | None = None

    @property
    def present(self) -> bool:
        return True

    @property
    def pointers(self) -> bool:
        return True

    def at(self, path: Path) -> Any:
        pointer = path.pointer
        if pointer is not None and pointer in self.values:
            return self.values[pointer]
        if pointer is None or self.asked is None:
            raise AttributeError(pointer)
        self.asked[pointer] = path
        return ABSENT

    def answers(self, checks: Iterable[Check]) -> dict[int, bool | None]:
        """The results of checks by their id; None where the values don't decide."""
        return {id(check): self._answer(check) for check in checks}

    def questions(self, check: Check) -> dict[str, Path]:
        """The paths that a check asks for besides the known ones, as far as it gets when nothing is there."""
        self.asked = {}
        self._answer(check)
        asked, self.asked = self.asked, None
        return asked

    def _answer(self, check: Check) -> bool | None:
        try:
            return check.test(self)
        except AttributeError:
            return None


def _left(rules: Left, answers: Mapping[int, bool | None]) -> Left:
    """The rules that can still match, with what is left of them."""
    found = [(rule, check if isinstance(check, bool) else shortened(check, answers)) for rule, check in rules]
    return [(rule, check) for rule, check in found if check is not False]


def _undecided(left: Left) -> Iterator[Check]:
    for _, check in left:
        if not isinstance(check, bool):
            yield from leaves(check)
