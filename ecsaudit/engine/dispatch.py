"""Which rules a record has to be asked, so that for most records it is none.

Rules are kept by the event names that they require. Below each name stands a tree of decisions that grows as records
come: a node stands for the rules that can still match, with what is still to be tested of each, and reads one value of
the record that these rules ask for. Values that the rules can't tell apart lead to the same node. A record goes down
until no rule is left, or nothing is left to test.

How a check is answered on the way: it is run on a `PartialRecord`, which knows only the values read so far. If it asks
for another it stays undecided. So nothing has to be known here about fields and operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter, methodcaller
from typing import Any

from .checks import Check, Compiled, RecordTest, leaves, shortened
from .record import ABSENT, NOT_THERE, Absent, Path, Record
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
# Growing costs time for each check and each rule: a record grants so many, and so many can be saved up.
_GRANT = 20
_MAX_GRANT = 200_000


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
        # Pointers to what is often missing, and to what has many values.
        self.scarce: set[str] = set()
        self.wide: set[str] = set()
        self.grant = _MAX_GRANT
        self.forget()

    def forget(self) -> None:
        self.nodes = 0
        self.values = 0
        self.named: dict[str, _Node] = {}
        self.unnamed = _Node(self, self.unbounded, {})

    def plan(self, raw: bytes, document: Any) -> Plan:
        """The rules that a record can match: its text, and simdjson's document of it."""
        if self.grant < _MAX_GRANT:
            self.grant += _GRANT
        try:
            name = document["eventName"]
        except KeyError:
            node = self.unnamed
        else:
            if type(name) is not str:
                # Text for json.value, though not for ct.name: any rule may match.
                return self.all
            node = self.named.get(name) or self._named(name)
        while (read := node.read) is not None:
            if node.often_missing and node.needle not in raw and b"\\" not in raw:
                value: Any = ABSENT
            else:
                try:
                    value = read(document)
                    node.often_missing = False
                except NOT_THERE:
                    value = ABSENT
                    node.often_missing = True
                    self.scarce.add(node.pointer)
            if type(value) not in _KEYS:
                break
            below = node.below.get(value)
            if below is None:
                if self.grant < 0 or (type(value) is str and len(value) > _MAX_LENGTH):
                    break
                below = node.grow(value)
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
            node = self.add(_left(rules, PartialRecord(known).answers(_undecided(rules))), known)
        if len(name) <= _MAX_LENGTH:
            self.named[name] = node
            self.count(len(rules or ()))
        return node

    def add(self, left: Left, known: Mapping[str, Any]) -> _Node:
        self.nodes += 1
        self.grant -= len(left)
        return _Node(self, left, known)

    def count(self, checks: int) -> None:
        """Another value was remembered, which cost the answers of these checks."""
        self.values += 1
        self.grant -= checks
        if self.values > _MAX_VALUES or self.nodes > _MAX_NODES:
            self.forget()

    def questions(self, check: Check, known: Mapping[str, Any]) -> dict[str, Path]:
        """The paths that a check asks for besides the known ones, by pointer."""
        asked = self.asked.get(id(check))
        if asked is None:
            asked = self.asked[id(check)] = PartialRecord({}).questions(check)
        return asked if known.keys().isdisjoint(asked) else PartialRecord(known).questions(check)


class _Node:
    """`known` are the values that undecided checks ask for; `read` gets simdjson's next value, None at the end."""

    __slots__ = (
        "asking",
        "below",
        "by_kind",
        "dispatcher",
        "known",
        "left",
        "needle",
        "often_missing",
        "plan",
        "pointer",
        "read",
    )

    def __init__(self, dispatcher: Dispatcher, left: Left, known: Mapping[str, Any]) -> None:
        self.dispatcher = dispatcher
        self.left = left
        self.known = known
        self.plan: Plan = tuple((rule, None if isinstance(check, bool) else check.test) for rule, check in left)
        path, self.asking = self._next()
        self.pointer = "" if path is None else path.pointer or ""
        self.needle = b"" if path is None else path.needle
        self.read = None if path is None else _reader(path)
        # A guess after the last record; it changes how a value is looked for, not what is found.
        self.often_missing = False
        self.below: dict[Value, _Node] = {}
        self.by_kind: dict[tuple[Any, ...], _Node] = {}

    def _next(self) -> tuple[Path | None, tuple[Check, ...]]:
        """The path that is worth reading next, and the checks that ask for it."""
        asking: dict[str, list[Check]] = {}
        paths: dict[str, Path] = {}
        for check in _undecided(self.left):
            for pointer, path in self.dispatcher.questions(check, self.known).items():
                if pointer not in self.dispatcher.wide:
                    asking.setdefault(pointer, []).append(check)
                    paths[pointer] = path
        if not asking:
            return None, ()
        # Finding out that something is missing costs about four times as much as reading it.
        best = max(asking, key=lambda pointer: len(asking[pointer]) / (4 if pointer in self.dispatcher.scarce else 1))
        return paths[best], tuple(asking[best])

    def grow(self, value: Value) -> _Node:
        """The node for a value that didn't come before."""
        meant = value.partition("\0")[0] if isinstance(value, str) else value
        known = {**self.known, self.pointer: meant}
        answers = PartialRecord(known).answers(self.asking)
        # A check that asks for more than this value will need it again.
        needed = None in answers.values()
        kind = (*answers.values(), type(meant), meant) if needed else tuple(answers.values())
        node = self.by_kind.get(kind)
        if node is None:
            node = self.by_kind[kind] = self.dispatcher.add(_left(self.left, answers), known if needed else self.known)
        self.below[value] = node
        if len(self.below) > _MANY:
            self.dispatcher.wide.add(self.pointer)
            self.dispatcher.forget()
        self.dispatcher.count(len(answers) + 1)
        return node


def _reader(path: Path) -> Callable[[Any], Any]:
    """Reads simdjson's value at a path; raises NOT_THERE."""
    return itemgetter(path.parts[0]) if len(path.parts) == 1 else methodcaller("at_pointer", path.pointer)


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
