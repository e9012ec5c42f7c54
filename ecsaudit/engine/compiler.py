"""Tree to test: every field is looked up, every operator and constant checked, and the whole becomes one function
of a record. A check on a missing field is false, whatever the operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import operators, transformers
from .checks import Check, Compiled, Expanded, RecordTest, every, negated, some
from .contradictions import contradiction
from .errors import ConditionError
from .fields import Extractor, FieldType, fields_for, find_field
from .needs import event_names, event_sources
from .nodes import (
    And,
    Comparison,
    Exists,
    Field,
    Identifier,
    ListValue,
    Macro,
    Node,
    Not,
    Or,
    Transformer,
    TransformerList,
    Value,
)
from .nodes import Operand as OperandNode
from .parser import parse_condition
from .record import Record, RecordInput
from .transformers import Operand
from .words import TRANSFORMERS

MAX_WARNINGS = 20  # of one condition

_NOT_APPLICABLE = "<NA>"
_NA_OPERATORS = frozenset(("=", "==", "!=", "in", "intersects", "pmatch"))
_SIMPLE_PATTERN = re.compile(r"\^?(?:\.[*+?])?[a-zA-Z0-9_/-]*(?:\.[*+?])?\$?")
_FUNCTION_TEXT = re.compile(rf"(?:val|{'|'.join(TRANSFORMERS)})\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning about a place in a condition; `code` as in Problem."""

    code: str
    message: str
    at: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    tree: Node
    source: str
    check: Compiled
    warnings: tuple[Warned, ...]

    @property
    def test(self) -> RecordTest:
        return self.check.test

    def matches(self, record: RecordInput, number: int = 1) -> bool:
        """Whether a record (CloudTrail's text, bytes or a dict) meets the condition."""
        subject = Record(record, number, self.source)
        return self.test(subject)

    @property
    def event_names(self) -> frozenset[str] | None:
        """The event names that a match requires; None if any name can match."""
        return event_names(self.tree)

    @property
    def event_sources(self) -> frozenset[str] | None:
        """The event sources that a match requires; None if any can match."""
        return event_sources(self.tree)


def compile_condition(text: str, source: str = "aws_cloudtrail") -> Condition:
    """The condition, ready to run; raises ConditionError also for unknown fields and wrong types."""
    return compile_tree(parse_condition(text), text, source)


def compile_tree(tree: Node, text: str, source: str) -> Condition:
    """As compile_condition, for a tree already read from `text`."""
    compiler = Compiler(text, source)
    check = compiler.node(tree)
    return Condition(tree, source, check, (*compiler.warnings, *_never_matches(tree, check)))


def _never_matches(tree: Node, check: Compiled) -> Iterator[Warned]:
    reason = contradiction(check)
    if reason is not None:
        yield Warned("ECSAUDIT_NEVER_MATCHES", f"the rule can never match: {reason}", reason.at, reason.hint)
    elif event_names(tree) == frozenset():
        yield Warned("ECSAUDIT_NEVER_MATCHES", "the rule can never match: it allows no event name", tree.at)


class Compiler:
    """Turns nodes into functions; `warnings` collects what is legal but probably not meant."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        self.warnings: list[Warned] = []
        # Nodes of a macro stand in another text; their problems are told where the rule names the macro.
        self.macro: Macro | None = None

    def node(self, node: Node) -> Compiled:
        match node:
            case Comparison() | Exists():
                return self.check(node)
            case And():
                return every([self.node(child) for child in node.children])
            case Or():
                return some([self.node(child) for child in node.children])
            case Not():
                return negated(self.node(node.child))
            case Macro():
                return self.macro_body(node)
            case Identifier():
                raise self._placed(ConditionError(f"filter error: unexpected identifier '{node.name}'"), node.at)

    def macro_body(self, node: Macro) -> Compiled:
        outermost = self.macro is None
        if outermost:
            self.macro = node
        child = self.node(node.body)
        if outermost:
            self.macro = None
        return Expanded(node, child, child.test)

    def check(self, node: Comparison | Exists) -> Check:
        try:
            left = self.operand(node.left)
            if isinstance(node, Exists):
                return Check(node, _exists(left.read), left)
            if isinstance(node.right, Field | Transformer):
                right = self.operand(node.right)
                return Check(node, self._pair(node, left, right), left, right)
            return self._comparison(node, node.right, left)
        except ConditionError as error:
            raise self._placed(error, node.at) from error

    def operand(self, node: OperandNode) -> Operand:
        """A field, transformer, constant or list of them, ready to read."""
        if isinstance(node, Value):
            return _constant_operand(node.text)
        if isinstance(node, TransformerList):
            return _list_operand([self.operand(child) for child in node.children], str(node))
        if isinstance(node, Field):
            definition = find_field(node.name, node.argument, self.source)
            read = definition.extractor(node.argument)
            return Operand(read, definition.type, definition.is_list, str(node))
        arguments = [self.operand(child) for child in node.arguments]
        if node.name == "val":
            return arguments[0]
        return transformers.apply(node.name, arguments, node.argument, str(node))

    def _comparison(self, node: Comparison, right: Value | ListValue, left: Operand) -> Check:
        operators.check_operator(node.operator, left.type, is_list=left.is_list)
        texts = right.texts if isinstance(right, ListValue) else (right.text,)
        values = tuple(operators.constant(text, left.type) for text in texts)
        self._warn(node, texts, left)
        if node.modifier:
            tests = [operators.single_test(node.operator, value) for value in values]
            accepts = operators.modified_test(node.modifier, tests)
        elif node.operator in operators.LIST_OPERATORS:
            accepts = operators.list_test(node.operator, values, is_list=left.is_list)
        else:
            accepts = operators.single_test(node.operator, values[0])
        return Check(node, _on_value(left.read, accepts), left, None, values, accepts)

    def _pair(self, node: Comparison, left: Operand, right: Operand) -> RecordTest:
        operators.check_operator(node.operator, left.type, is_list=left.is_list)
        if left.type is not right.type or left.is_list is not right.is_list:
            kinds = [f"LIST({side.type})" if side.is_list else str(side.type) for side in (left, right)]
            raise ConditionError(
                f"field '{left.written}' has type '{kinds[0]}' while the right-hand side field '{right.written}' "
                f"has incompatible type '{kinds[1]}'"
            )
        if node.operator in ("regex", "pmatch"):
            raise ConditionError(f"operator '{node.operator.upper()}' doesn't support right-hand side fields")
        compare = operators.pair_test(node.operator, is_list=left.is_list)
        read_left, read_right = left.read, right.read

        def test(record: Record) -> bool:
            first = read_left(record)
            if first is None:
                return False
            second = read_right(record)
            return second is not None and compare(first, second)

        return test

    def _warn(self, node: Comparison, texts: Sequence[str], left: Operand) -> None:
        at = node.right.at
        for text in texts:
            self._warn_of_field_as_text(text, at)
        if node.operator == "regex":
            for text in texts:
                if _SIMPLE_PATTERN.fullmatch(text):
                    self._warning(
                        "LOAD_COMPILE_CONDITION",
                        f"regex check with '{text}' may be optimized with simpler operators such as '=', 'contains', "
                        "'startswith', 'endswith'",
                        at,
                    )
        if node.operator in operators.ORDERS and left.type is FieldType.TEXT:
            message = f"'{node.operator}' compares '{left.written}' as text: \"10\" is less than \"9\""
            self._warning("ECSAUDIT_TEXT_ORDER", message, node.at)
        plugin_field = isinstance(node.left, Field) and node.left.name.startswith(("jevt.", "ka."))
        if plugin_field and _NOT_APPLICABLE in texts and node.operator in _NA_OPERATORS:
            hint = "a missing field equals nothing; write 'not field exists'"
            self._warning("LOAD_UNSAFE_NA_CHECK", "", node.at, hint)

    def _warn_of_field_as_text(self, text: str, at: int) -> None:
        name = text.partition("[")[0].strip()
        if name in fields_for(self.source):
            kind, hint = "field", f"write val({text}) for the field"
        elif _FUNCTION_TEXT.fullmatch(text):
            kind, hint = "field transformer", "leave the quotes out"
        else:
            return
        message = f"'{text}' may be a valid {kind} misused as a const string value"
        self._warning("LOAD_COMPILE_CONDITION", message, at, hint)

    def _warning(self, code: str, message: str, at: int, hint: str = "") -> None:
        if self.macro is not None:
            at, hint = self.macro.at, _in_macro(self.macro, hint)
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(Warned(code, message, at, hint))

    def _placed(self, error: ConditionError, at: int) -> ConditionError:
        if self.macro is None:
            return ConditionError.at(error.message, self.text, at, error.hint)
        return ConditionError.at(error.message, self.text, self.macro.at, _in_macro(self.macro, error.hint))


def _in_macro(macro: Macro, hint: str) -> str:
    return f"{hint} (in macro '{macro.name}')".lstrip()


def _constant_operand(text: str) -> Operand:
    return Operand(lambda record: text, FieldType.TEXT, False, text)


def _list_operand(parts: Sequence[Operand], written: str) -> Operand:
    if any(part.is_list for part in parts):
        raise ConditionError(f"a list can't hold the list field in '{written}'")
    if len({part.type for part in parts}) > 1:
        raise ConditionError(f"the items of '{written}' are of different types")
    readers = [part.read for part in parts]

    def read(record: Record) -> list[Any] | None:
        values = [reader(record) for reader in readers]
        return None if None in values else values

    return Operand(read, parts[0].type if parts else FieldType.TEXT, True, written)


def _exists(read: Extractor) -> RecordTest:
    return lambda record: read(record) is not None


def _on_value(read: Extractor, test: operators.Test) -> RecordTest:
    def check(record: Record) -> bool:
        value = read(record)
        return value is not None and test(value)

    return check
