"""Macros: replaced in the tree of a condition, so that their precedence stays their own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from .errors import ConditionError, EngineError
from .items import MacroItem
from .lists import Lists
from .nodes import And, Identifier, Macro, Node, Not, Or
from .operand_parser import RULE_DEPTH
from .parser import parse_condition
from .problems import Context, ItemError, ProblemLog
from .source_text import SourceText

MAX_TREE_NODES = 200_000
MAX_TREE_DEPTH = 150

_CONDITION = "LOAD_ERR_COMPILE_CONDITION"


class Macros:
    """The macros of a load, parsed; those that can't be are left out and their errors logged."""

    def __init__(
        self, macros: Mapping[str, MacroItem], lists: Lists, broken: set[tuple[str, str]], log: ProblemLog
    ) -> None:
        self.macros = macros
        self.broken = {name for kind, name in broken if kind == "macro"}
        self.trees: dict[str, Node] = {}
        self.resolved: dict[str, Node] = {}
        self.sizes: dict[int, tuple[int, int]] = {}
        self.parsed: dict[str, SourceText] = {}
        for name, macro in macros.items():
            context = macro.context.inside("macro condition", "", macro.condition.segments[0].scalar)
            try:
                text = lists.replace_names(macro.condition, context)
                self.trees[name] = parse_text(text, context)
                self.parsed[name] = text
            except ItemError as error:
                self.broken.add(name)
                log.error(error)
        self._resolve_all(log)

    def _resolve_all(self, log: ProblemLog) -> None:
        for name, macro in sorted(self.macros.items(), key=lambda item: item[1].index):
            if name in self.trees:
                context = macro.context.inside("macro condition", "", macro.condition.segments[0].scalar)
                try:
                    self._macro(name, context, ())
                except MacroIsBrokenError:
                    self.broken.add(name)
                except ItemError as error:
                    self.broken.add(name)
                    log.error(error)

    def _macro(self, name: str, context: Context, path: tuple[str, ...]) -> Node:
        if name in path or len(path) > 100:
            raise ItemError("LOAD_ERR_VALIDATE", f"reference loop in macro '{name}'", context)
        if name not in self.resolved:
            macro = self.macros[name]
            self.resolved[name] = self._node(
                self.trees[name], macro.visibility, self.parsed[name], context, (*path, name)
            )
        return self.resolved[name]

    def resolve(self, tree: Node, text: SourceText, context: Context) -> Node:
        """A rule's tree with every macro in place."""
        return self._node(tree, None, text, context, ())

    def _node(
        self, node: Node, visibility: int | None, text: SourceText, context: Context, path: tuple[str, ...]
    ) -> Node:
        """`visibility` bounds what a macro may use: macros whose index is smaller; a rule may use all."""
        result = node
        if isinstance(node, Identifier):
            result = self._reference(node, visibility, text, context, path)
        elif isinstance(node, Not):
            result = Not(self._node(node.child, visibility, text, context, path), node.at)
        elif isinstance(node, And | Or):
            children: list[Node] = []
            for child in node.children:
                children.append(self._node(child, visibility, text, context, path))
            result = type(node)(tuple(children), node.at)
        self._bound(result, context)
        return result

    def _reference(
        self, node: Identifier, visibility: int | None, text: SourceText, context: Context, path: tuple[str, ...]
    ) -> Node:
        macro = self.macros.get(node.name)
        if macro is None or (visibility is not None and macro.index >= visibility):
            if macro is None and node.name in self.broken:
                raise MacroIsBrokenError(node.name)
            message = f"Undefined macro '{node.name}' used in filter."
            hint = self._hint(node.name) if macro is None else "a macro can use only macros that stand before it"
            place = context.inside("condition expression").at(*text.locate(node.at))
            raise ItemError("LOAD_ERR_VALIDATE", message, place, hint)
        macro.used = True
        if node.name in self.broken:
            raise MacroIsBrokenError(node.name)
        return Macro(node.name, self._macro(node.name, context, path), node.at)

    def _hint(self, name: str) -> str:
        if name in ("and", "or", "not"):
            return f"'{name}' stands where a check should be"
        close = difflib.get_close_matches(name[:80], self.macros, n=1, cutoff=0.6)
        return f"did you mean '{close[0]}'?" if close else "define it, or write a field with a dot and an operator"

    def _bound(self, node: Node, context: Context) -> None:
        """Macros share trees, so that a few lines can stand for billions of checks: count them, and stop in time."""
        children: tuple[Node, ...] = ()
        if isinstance(node, And | Or):
            children = node.children
        elif isinstance(node, Not):
            children = (node.child,)
        elif isinstance(node, Macro):
            children = (node.body,)
        sizes = [self.sizes.get(id(child), (1, 1)) for child in children]
        size = 1 + sum(count for count, _ in sizes)
        depth = 1 + max((levels for _, levels in sizes), default=0)
        if size > MAX_TREE_NODES or depth > MAX_TREE_DEPTH:
            message = f"the condition is too large after its macros were replaced ({size} checks, {depth} levels)"
            raise ItemError("LOAD_ERR_VALIDATE", message, context)
        self.sizes[id(node)] = (size, depth)


class MacroIsBrokenError(EngineError):
    """A reference to a macro whose own error is already in the log."""


def parse_text(text: SourceText, context: Context) -> Node:
    """The tree of a condition; ItemError with the place in the file."""
    try:
        return parse_condition(text.text, RULE_DEPTH, text.lists_between)
    except ConditionError as error:
        raise condition_error(error, text, context) from error


def condition_error(error: ConditionError, text: SourceText, context: Context) -> ItemError:
    place = context.inside("condition expression").at(*text.locate(error.offset))
    return ItemError(_CONDITION, error.message, place, error.hint)
