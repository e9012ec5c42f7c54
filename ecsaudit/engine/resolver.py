"""Lists and macros. Lists are replaced in the text of a condition, as Falco does; macros in its tree."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import ConditionError
from .exceptions import quoted
from .items import ListItem, MacroItem
from .nodes import And, Identifier, Macro, Node, Not, Or
from .parser import RULE_DEPTH, parse_condition
from .problems import Context, ItemError, ProblemLog
from .reader import Scalar
from .source_text import SourceText

MAX_EXPANDED = 2_000_000
MAX_TREE_NODES = 200_000
MAX_TREE_DEPTH = 400

_DELIMITERS = frozenset(" \t\n\r(),=")
_BLANKS = " \t\n\r"
_CONDITION = "LOAD_ERR_COMPILE_CONDITION"


class Lists:
    """The lists of a load, with their items' own lists replaced."""

    def __init__(self, lists: Mapping[str, ListItem], log: ProblemLog) -> None:
        self.log = log
        self.lists = lists
        self.texts: dict[str, str] = {}
        self.items = {name: self._items(item, (name,)) for name, item in lists.items()}

    def _items(self, item: ListItem, path: tuple[str, ...]) -> list[Scalar]:
        """The items, with a list's name replaced by that list's items at any depth (Falco stops at one level)."""
        result: list[Scalar] = []
        for scalar in item.items:
            inner = self.lists.get(scalar.text)
            if inner is None or inner.index >= item.visibility or inner.name in path or len(path) > 20:
                result.append(scalar)
                continue
            inner.used = True
            result.extend(self._items(inner, (*path, inner.name)))
            if len(result) > MAX_EXPANDED:
                raise ItemError("LOAD_ERR_VALIDATE", "the list is too long after its lists were replaced", item.context)
        return result

    def text(self, name: str) -> str:
        """What stands in a condition in place of the list's name."""
        if name not in self.texts:
            self.texts[name] = ", ".join(quoted(scalar).text for scalar in self.items[name])
            # An empty first item leaves its comma behind, which Falco drops.
            self.texts[name] = self.texts[name].removeprefix(", ")
        return self.texts[name]

    def replace_names(self, condition: SourceText, context: Context) -> SourceText:
        """The condition with each list's name replaced, wherever it stands between delimiters."""
        for name, item in self.lists.items():
            if name and name in condition.text:
                condition = self._replace_name(condition, name, item, context)
        return condition

    def _replace_name(self, condition: SourceText, name: str, item: ListItem, context: Context) -> SourceText:
        at = 0
        while True:
            at = condition.text.find(name, at)
            if at < 0:
                return condition
            end = at + len(name)
            if not _delimited(condition.text, at, end):
                at += 1
                continue
            item.used = True
            self._warn(condition, at, name, context)
            start, end, replacement = _widened(condition.text, at, end, self.text(name))
            condition = condition.replaced(start, end, replacement)
            at = start + len(replacement)
            if len(condition.text) > MAX_EXPANDED:
                raise ItemError(_CONDITION, "the condition is too long after its lists were replaced", context)

    def _warn(self, condition: SourceText, at: int, name: str, context: Context) -> None:
        text = condition.text
        place = context.at(*condition.locate(at))
        if _in_quotes(text, at):
            message = f"list '{name}' is replaced inside quotes"
            self.log.warn("ECSAUDIT_LIST_IN_QUOTES", message, place, "rename the list")
        elif text[:at].rstrip(_BLANKS)[-1:] not in ("(", ","):
            message = f"the value '{name}' is the name of a list and is replaced by its items"
            self.log.warn("ECSAUDIT_LIST_AS_VALUE", message, place, f'quote the value, "{name}", or write in ({name})')


def _delimited(text: str, at: int, end: int) -> bool:
    return (at == 0 or text[at - 1] in _DELIMITERS) and (end == len(text) or text[end] in _DELIMITERS)


def _widened(text: str, at: int, end: int, replacement: str) -> tuple[int, int, str]:
    """Take in the white space around the name (one blank goes back), and for an empty list one comma."""
    start = len(text[:at].rstrip(_BLANKS)) if at and text[at - 1] in _BLANKS else at
    stop = end + len(text[end:]) - len(text[end:].lstrip(_BLANKS))
    if not replacement:
        if text[stop : stop + 1] == ",":
            stop += 1
        elif text[start - 1 : start] == ",":
            start -= 1
    before = " " if start < at and text[start] != "," else ""
    after = " " if stop > end and text[stop - 1] != "," else ""
    return start, stop, before + replacement + after


def _in_quotes(text: str, at: int) -> bool:
    quote = ""
    previous = ""
    for character in text[:at]:
        if quote:
            if character == quote and previous != "\\":
                quote = ""
        elif character in "\"'":
            quote = character
        previous = character
    return bool(quote)


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
            hint = "" if macro is None else "a macro can use only macros that stand before it"
            raise ItemError("LOAD_ERR_VALIDATE", message, context.at(*text.locate(node.at)), hint)
        macro.used = True
        if node.name in self.broken:
            raise MacroIsBrokenError(node.name)
        return Macro(node.name, self._macro(node.name, context, path), node.at)

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


class MacroIsBrokenError(ItemError):
    """A reference to a macro whose own error is already in the log."""

    def __init__(self, name: str) -> None:
        Exception.__init__(self, name)


def parse_text(text: SourceText, context: Context) -> Node:
    """The tree of a condition; ItemError with the place in the file."""
    try:
        return parse_condition(text.text, RULE_DEPTH)
    except ConditionError as error:
        raise condition_error(error, text, context) from error


def condition_error(error: ConditionError, text: SourceText, context: Context) -> ItemError:
    place = context.inside("condition expression").at(*text.locate(error.offset))
    return ItemError(_CONDITION, error.message, place, error.hint)
