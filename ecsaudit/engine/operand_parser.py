"""The operands of a condition: fields, transformers, constants and lists. The grammar stands in `parser`."""

from __future__ import annotations

import re
from collections.abc import Callable

from . import hints
from .nodes import Field, ListValue, Operand, Transformer, TransformerList, Value
from .scanner import BARE_ARGUMENT, BARE_VALUE, FIELD_NAME, HEX_NUMBER, IDENTIFIER, NUMBER, Scanner
from .words import NO_ARGUMENT, NO_LIST, NO_LIST_ARGUMENT, NO_NUMBER, NO_STRING, TRANSFORMERS

DEFAULT_DEPTH = 100
RULE_DEPTH = 1000

# Falco's parser enters five functions for each parenthesis, and counts them all.
LEVELS_PER_PARENTHESIS = 5

# The lists whose items stand between two places of a text.
ListsBetween = Callable[[int, int], tuple[str, ...]]

_TRANSFORMER = re.compile(rf"({'|'.join(TRANSFORMERS)})\(")


def no_lists(start: int, end: int) -> tuple[str, ...]:
    return ()


class OperandParser:
    """One method per production; each leaves the scanner behind what it read."""

    __slots__ = ("depth", "lists_between", "max_depth", "scanner")

    def __init__(
        self, text: str, max_depth: int = DEFAULT_DEPTH, at: int = 0, lists_between: ListsBetween = no_lists
    ) -> None:
        self.scanner = Scanner(text, at)
        self.max_depth = max_depth
        self.depth = 0
        self.lists_between = lists_between

    def enter(self) -> None:
        self.depth += LEVELS_PER_PARENTHESIS
        if self.depth >= self.max_depth:
            raise self.scanner.error(f"exceeded max depth limit of {self.max_depth}")

    def number(self) -> Value | Field | Transformer:
        scanner = self.scanner
        scanner.blanks()
        at = scanner.at
        function = self._field_function()
        if function is not None:
            return function
        number = scanner.token(HEX_NUMBER) or scanner.token(NUMBER)
        if number is None:
            raise scanner.error(NO_NUMBER, hints.for_number(scanner.text, scanner.at))
        return Value(number, at)

    def string(self) -> Value | Field | Transformer:
        self.scanner.blanks()
        at = self.scanner.at
        function = self._field_function()
        if function is not None:
            return function
        text = self._constant()
        if text is None:
            raise self.scanner.error(NO_STRING, hints.for_value(self.scanner.text, self.scanner.at))
        return Value(text, at, self.lists_between(at, self.scanner.at))

    def _constant(self) -> str | None:
        text = self.scanner.quoted()
        return self.scanner.token(BARE_VALUE) if text is None else text

    def list(self, kind: str) -> Value | ListValue | Field | Transformer:
        scanner = self.scanner
        scanner.blanks()
        at = scanner.at
        if scanner.literal("("):
            texts = self._list_rest()
            return ListValue(texts, at, self.lists_between(at, scanner.at))
        function = self._field_function() if kind == ListOf.OPERATOR else None
        if function is not None:
            return function
        name = scanner.token(IDENTIFIER)
        if name is None:
            message = NO_LIST if kind == ListOf.OPERATOR else "expected a list or an identifier"
            raise scanner.error(message, hints.for_list(scanner.text, scanner.at))
        return Value(name, at, self.lists_between(at, scanner.at))

    def _list_rest(self) -> tuple[str, ...]:
        scanner = self.scanner
        texts: list[str] = []
        scanner.blanks()
        text = self._constant()
        while text is not None:
            texts.append(text)
            scanner.blanks()
            if not scanner.literal(","):
                break
            scanner.blanks()
            text = self._constant()
            if text is None:
                raise scanner.error("expected a string value")
        if not scanner.literal(")"):
            raise scanner.error("expected a ')' token", hints.for_closing(scanner.text, scanner.at))
        return tuple(texts)

    def field(self) -> Field | None:
        at = self.scanner.at
        name = self.scanner.token(FIELD_NAME)
        return None if name is None else Field(name, self._argument(), at)

    def _argument(self) -> str | None:
        scanner = self.scanner
        if not scanner.literal("["):
            return None
        argument = scanner.quoted()
        if argument is None:
            argument = scanner.token(BARE_ARGUMENT)
        if argument is None:
            raise scanner.error("expected a valid field argument: a quoted string or a bare string")
        if not scanner.literal("]"):
            raise scanner.error("expected a ']' token")
        return argument

    def _field_function(self) -> Transformer | None:
        scanner = self.scanner
        at = scanner.at
        if not scanner.literal("val("):
            return self.transformer()
        scanner.blanks()
        field = self.field()
        if field is None:
            raise scanner.error("expected a field within 'val' transformer")
        scanner.blanks()
        if not scanner.literal(")"):
            raise scanner.error("expected a ')' token closing the transformer")
        return Transformer("val", (field,), self._argument(), at)

    def transformer(self) -> Transformer | None:
        scanner = self.scanner
        at = scanner.at
        match = _TRANSFORMER.match(scanner.text, at)
        if match is None:
            return None
        scanner.at = match.end()
        scanner.last = match.group(1)
        self.enter()
        arguments = [self._transformer_argument(allow_list=True)]
        while scanner.literal(","):
            arguments.append(self._transformer_argument(allow_list=True))
        if not scanner.literal(")"):
            raise scanner.error("expected a ')' token closing the transformer")
        self.depth -= LEVELS_PER_PARENTHESIS
        return Transformer(match.group(1), tuple(arguments), self._argument(), at)

    def _transformer_argument(self, *, allow_list: bool) -> Operand:
        scanner = self.scanner
        scanner.blanks()
        at = scanner.at
        text = scanner.token(HEX_NUMBER) or scanner.token(NUMBER)
        if text is None:
            text = scanner.quoted()
        operand: Operand | None
        if text is not None:
            operand = Value(text, at)
        elif allow_list and scanner.literal("("):
            operand = self._transformer_list(at)
        else:
            operand = self.transformer() or self.field()
        if operand is None:
            raise scanner.error(NO_ARGUMENT if allow_list else NO_LIST_ARGUMENT)
        scanner.blanks()
        return operand

    def _transformer_list(self, at: int) -> TransformerList:
        scanner = self.scanner
        scanner.blanks()
        if scanner.literal(")"):
            return TransformerList((), at)
        children = [self._transformer_argument(allow_list=False)]
        while scanner.literal(","):
            children.append(self._transformer_argument(allow_list=False))
        if not scanner.literal(")"):
            raise scanner.error("expected a ')' token")
        return TransformerList(tuple(children), at)


class ListOf:
    """What a list belongs to; only an operator's may be a field."""

    OPERATOR = "operator"
    MODIFIER = "modifier"
