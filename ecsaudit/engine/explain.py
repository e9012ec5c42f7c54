"""Why a rule matches a record, or why not: the tree of its condition with what each part came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeGuard

from .checks import Check, Compiled, Every, Expanded, Negated
from .compiler import Compiler, Condition
from .nodes import Comparison, Field, ListValue, Transformer, TransformerList, Value
from .nodes import Operand as OperandNode
from .record import Record, RecordInput
from .rules import Rule

_NO_LISTS: Mapping[str, tuple[str, ...]] = {}


class Kind(StrEnum):
    AND = "and"
    OR = "or"
    NOT = "not"
    CHECK = "check"
    MACRO = "macro"
    EXCEPTION = "exception"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One node of a condition.

    `result` is None where evaluation never came, because an earlier part had decided. For an exception it tells
    whether the exception applies, which keeps the rule from matching. `text` is Falco's form of the condition, or the
    name of the macro or exception; `values` are the fields that a check read, None for a missing one; `lists` the
    lists that were written by name, with their items.
    """

    kind: Kind
    text: str
    result: bool | None
    children: tuple[Explanation, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON; what is empty is left out."""
        found: dict[str, Any] = {"kind": str(self.kind), "text": self.text, "result": self.result}
        if self.values:
            found["values"] = dict(self.values)
        if self.lists:
            found["lists"] = {name: list(items) for name, items in self.lists.items()}
        if self.children:
            found["children"] = [child.as_dict() for child in self.children]
        return found


def explain(rule: Rule | Condition, record: RecordInput, number: int = 1) -> Explanation:
    """The condition of a rule over a record. Raises RecordError for what is not a record."""
    condition = rule.condition if isinstance(rule, Rule) else rule
    lists = rule.lists if isinstance(rule, Rule) else _NO_LISTS
    walk = _Walk(Record(record, number, condition.source), condition.source, lists)
    return walk.rule(condition.check, rule.exceptions if isinstance(rule, Rule) else ())


def excepted_by(rule: Rule, record: RecordInput, number: int = 1) -> tuple[str, ...]:
    """The names of all exceptions that apply to a record which the rule would match without exceptions; else none."""
    check = rule.condition.check
    if not _has_exceptions(check, rule.exceptions):
        return ()
    subject = Record(record, number, rule.source)
    if not check.children[0].test(subject):
        return ()
    excluding = zip(rule.exceptions, check.children[1:], strict=True)
    return tuple(name for name, each in excluding if not each.test(subject))


def _has_exceptions(check: Compiled, exceptions: Sequence[str]) -> TypeGuard[Every]:
    """Whether loading put the exceptions behind the condition as `and not …`."""
    return bool(exceptions) and isinstance(check, Every) and len(check.children) == len(exceptions) + 1


class _Walk:
    def __init__(self, record: Record, source: str, lists: Mapping[str, tuple[str, ...]]) -> None:
        self.record = record
        self.compiler = Compiler("", source)
        self.lists = lists

    def rule(self, check: Compiled, exceptions: Sequence[str]) -> Explanation:
        """The condition, with the exceptions that loading put behind it as `and not …`."""
        if not _has_exceptions(check, exceptions):
            return self.node(check, reached=True)
        children = [self.node(check.children[0], reached=True)]
        result = bool(children[0].result)
        for name, excluding in zip(exceptions, check.children[1:], strict=True):
            body = excluding.child if isinstance(excluding, Negated) else excluding
            child = self.node(body, reached=result)
            children.append(Explanation(Kind.EXCEPTION, name, child.result, (child,)))
            result = result and not child.result
        return Explanation(Kind.AND, "and", result, tuple(children))

    def node(self, check: Compiled, *, reached: bool) -> Explanation:
        if isinstance(check, Check):
            return self.check(check, reached=reached)
        if isinstance(check, Expanded):
            child = self.node(check.child, reached=reached)
            return Explanation(Kind.MACRO, check.node.name, child.result, (child,))
        if isinstance(check, Negated):
            child = self.node(check.child, reached=reached)
            return Explanation(Kind.NOT, "not", None if child.result is None else not child.result, (child,))
        kind = Kind.AND if isinstance(check, Every) else Kind.OR
        decisive = kind is Kind.OR
        children: list[Explanation] = []
        decided = False
        for part in check.children:
            children.append(self.node(part, reached=reached and not decided))
            decided = decided or children[-1].result is decisive
        return Explanation(kind, str(kind), (decided is decisive) if reached else None, tuple(children))

    def check(self, check: Check, *, reached: bool) -> Explanation:
        node = check.node
        right = node.right if isinstance(node, Comparison) else None
        names = right.lists if isinstance(right, Value | ListValue) else ()
        lists = {name: self.lists.get(name, ()) for name in names}
        if not reached:
            return Explanation(Kind.CHECK, str(node), None, lists=lists)
        sides = [node.left] + ([right] if isinstance(right, Field | Transformer) else [])
        values = {str(part): self.value(part) for side in sides for part in _readable(side)}
        return Explanation(Kind.CHECK, str(node), check.test(self.record), values=values, lists=lists)

    def value(self, node: Field | Transformer) -> Any:
        return self.compiler.operand(node).read(self.record)


def _readable(node: OperandNode) -> Iterator[Field | Transformer]:
    """A field, or a transformer and all that it is made of, the innermost last."""
    if isinstance(node, Field):
        yield node
    elif isinstance(node, Transformer):
        if node.name != "val":
            yield node
        for argument in node.arguments:
            yield from _readable(argument)
    elif isinstance(node, TransformerList):
        for child in node.children:
            yield from _readable(child)
