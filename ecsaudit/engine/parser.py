r"""Text to tree: recursive descent without a token stream, as Falco's own parser.

    Expr       ::= Ws* And Ws* ( 'or' OrTail Ws* )*
    OrTail     ::= Ws+ And | '(' Expr ')'
    And        ::= Ws* Not Ws* ( 'and' AndTail Ws* )*
    AndTail    ::= Ws+ Not | '(' Expr ')'
    Not        ::= Ws* ( 'not' [[:space:]]+ )* ( 'not(' Expr ')' | Check )
    Check      ::= Ws* ( '(' Expr ')' | Field Cond | Transf Cond | Identifier )
    Cond       ::= Ws* ( 'exists' | ('<=' | '<' | '>=' | '>') Num | StrOp Str | StrOp Modifier List
                   | ('intersects' | 'in' | 'pmatch') ListOrField )
    StrOp      ::= '==' | '=' | '!=' | ( 'glob' | 'iglob' | 'contains' | 'icontains' | 'bcontains'
                   | 'startswith' | 'bstartswith' | 'endswith' | 'regex' ) Ws+
    Modifier   ::= ( 'oneof' | 'anyof' | 'allof' ) Ws+
    Num        ::= Ws* ( FieldFn | HexNum | Number )
    Str        ::= Ws* ( FieldFn | Quoted | Bare )
    ListOrField::= Ws* ( '(' [ Str0 ( ',' Str0 )* ] ')' | FieldFn | Identifier )
    List       ::= Ws* ( '(' [ Str0 ( ',' Str0 )* ] ')' | Identifier )
    Str0       ::= Ws* ( Quoted | Bare ) Ws*
    FieldFn    ::= 'val(' Ws* Field Ws* ')' [Arg] | Transf
    Transf     ::= TName '(' TArg ( ',' TArg )* ')' [Arg]
    TArg       ::= Ws* ( HexNum | Number | Quoted | '(' [ TItem ( ',' TItem )* ] ')' | Transf | Field ) Ws*
    TItem      ::= Ws* ( HexNum | Number | Quoted | Transf | Field ) Ws*
    Field      ::= FieldName [Arg]
    Arg        ::= '[' ( Quoted | BareArgument ) ']'

After `or(` and `and(` the group is the whole operand, so `a or(b) and c` is an error; Falco has it so.
"""

from __future__ import annotations

import re

from . import hints
from .nodes import (
    And,
    Comparison,
    Exists,
    Field,
    Identifier,
    Node,
    Not,
    Or,
    Transformer,
)
from .operand_parser import DEFAULT_DEPTH, LEVELS_PER_PARENTHESIS, ListOf, ListsBetween, OperandParser, no_lists
from .scanner import IDENTIFIER, NOT
from .words import (
    LIST_OPERATORS,
    MODIFIERS,
    NO_OPERATOR,
    NUMBER_OPERATORS,
    SYMBOL_OPERATORS,
    WORD_OPERATORS,
)

_WORD_OPERATOR = re.compile(rf"({'|'.join(WORD_OPERATORS)})[ \t\b\r\n]")
_MODIFIER = re.compile(rf"({'|'.join(MODIFIERS)})[ \t\b\r\n]+(?=\(|(?!(?:and|or|not)(?![a-zA-Z0-9_]))[a-zA-Z])")


def parse_condition(text: str, max_depth: int = DEFAULT_DEPTH, lists_between: ListsBetween = no_lists) -> Node:
    """The tree of a condition; raises ConditionError with the place where reading stopped.

    `lists_between` tells which lists' items stand between two places of the text, for `Value.lists`.
    """
    parser = Parser(text, max_depth, lists_between=lists_between)
    try:
        return parser.condition()
    except RecursionError:
        raise parser.scanner.error(f"exceeded max depth limit of {max_depth}") from None


class Parser(OperandParser):
    """One method per production; each leaves the scanner behind what it read."""

    __slots__ = ()

    def condition(self) -> Node:
        scanner = self.scanner
        if not scanner.text:
            raise scanner.error("filter input string is empty")
        tree = self._or()
        if scanner.at != len(scanner.text):
            message = f"unexpected token after '{scanner.last}', expecting 'or', 'and'"
            raise scanner.error(message, hints.for_rest(scanner.text, scanner.at, scanner.last))
        return tree

    def _or(self) -> Node:
        scanner = self.scanner
        scanner.blanks()
        at = scanner.at
        first = self._and()
        scanner.blanks()
        if not scanner.literal("or"):
            return first
        children = [first]
        while True:
            children.append(self._and() if scanner.blanks() else self._group_after("or"))
            scanner.blanks()
            if not scanner.literal("or"):
                return Or(tuple(children), at)

    def _and(self) -> Node:
        scanner = self.scanner
        scanner.blanks()
        at = scanner.at
        first = self._not()
        scanner.blanks()
        if not scanner.literal("and"):
            return first
        children = [first]
        while True:
            children.append(self._not() if scanner.blanks() else self._group_after("and"))
            scanner.blanks()
            if not scanner.literal("and"):
                return And(tuple(children), at)

    def _group_after(self, word: str) -> Node:
        if not self.scanner.literal("("):
            raise self.scanner.error(f"expected blank or '(' after '{word}'", "a check must follow")
        self.enter()
        tree = self._or()
        self._leave()
        return tree

    def _not(self) -> Node:
        """Also reads the parenthesis of Check: one frame less for each level of nesting."""
        scanner = self.scanner
        scanner.blanks()
        at = scanner.at
        negated = False
        while scanner.token(NOT):
            negated = not negated
        if scanner.literal("not("):
            negated = not negated
            grouped = True
        else:
            grouped = scanner.literal("(")
        if grouped:
            self.enter()
            child = self._or()
            self._leave()
        else:
            child = self._check()
        return Not(child, at) if negated else child

    def _leave(self) -> None:
        self.scanner.blanks()
        if not self.scanner.literal(")"):
            raise self.scanner.error("expected a ')' token", hints.for_closing(self.scanner.text, self.scanner.at))
        self.depth -= LEVELS_PER_PARENTHESIS

    def _check(self) -> Node:
        scanner = self.scanner
        at = scanner.at
        left = self.field() or self.transformer()
        if left is not None:
            return self._test(left, at)
        name = scanner.token(IDENTIFIER)
        if name is None:
            hint = hints.for_check(scanner.text, scanner.at)
            raise scanner.error("expected a '(' token, a field check, or an identifier", hint)
        return Identifier(name, at)

    def _test(self, left: Field | Transformer, at: int) -> Node:
        """Cond."""
        scanner = self.scanner
        scanner.blanks()
        if scanner.literal("exists"):
            return Exists(left, at)
        for operator in NUMBER_OPERATORS:
            if scanner.literal(operator):
                return Comparison(left, operator, None, self.number(), at)
        operator_found = self._string_operator()
        if operator_found:
            modifier = self._modifier(operator_found)
            right = self.list(ListOf.MODIFIER) if modifier else self.string()
            return Comparison(left, operator_found, modifier, right, at)
        for operator in LIST_OPERATORS:
            if scanner.literal(operator):
                return Comparison(left, operator, None, self.list(ListOf.OPERATOR), at)
        raise scanner.error(NO_OPERATOR, hints.for_operator(scanner.text, scanner.at))

    def _string_operator(self) -> str | None:
        scanner = self.scanner
        for operator in SYMBOL_OPERATORS:
            if scanner.literal(operator):
                return operator
        match = _WORD_OPERATOR.match(scanner.text, scanner.at)
        if match is None:
            return None
        scanner.last = match.group(1)
        scanner.at = match.end(1)
        return match.group(1)

    def _modifier(self, operator: str) -> str | None:
        scanner = self.scanner
        if not scanner.blanks():
            return None
        match = _MODIFIER.match(scanner.text, scanner.at)
        if match is None:
            return None
        scanner.last = match.group(1)
        scanner.at = match.end()
        return match.group(1)
