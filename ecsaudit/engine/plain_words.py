"""A condition in plain words, for people who don't know Falco: statements, nested by what must hold together.

A check on a field that is missing is false, so `not field = x` says “is not”, and `field != x` “is there, and is not”.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from .compiler import Condition
from .field_words import FLAGS, operand_words, quoted
from .fields import ALL_FIELDS, FieldType
from .nodes import And, Comparison, Exists, Field, Identifier, ListValue, Macro, Node, Not, Or, Transformer, Value
from .nodes import Operand as OperandNode
from .rules import Rule

MAX_PARTS = 500
MAX_DEPTH = 12
_SHOWN = 12  # values of a list
_MORE = "there is more, too much to tell here"


class Sense(StrEnum):
    """What a part says of its children; a statement has none."""

    ALL = "all"
    ANY = "any"
    NONE = "none"
    NOT_ALL = "not all"
    UNLESS = "unless"
    STATEMENT = "statement"


TITLES: Mapping[Sense, str] = {
    Sense.ALL: "all of these hold",
    Sense.ANY: "at least one of these holds",
    Sense.NONE: "none of these holds",
    Sense.NOT_ALL: "at least one of these does not hold",
    Sense.UNLESS: "unless one of these exceptions applies",
}
_OPPOSITES = {
    Sense.ALL: Sense.NOT_ALL,
    Sense.NOT_ALL: Sense.ALL,
    Sense.ANY: Sense.NONE,
    Sense.NONE: Sense.ANY,
}


@dataclass(frozen=True, slots=True)
class PlainWords:
    """A part of a condition in words.

    `text` is the statement, or the title of the children. `macros` are the macros by which the author named the part,
    the outermost first; `lists` the lists that stood in a statement by name; `exception` names an exception's part.
    """

    sense: Sense
    text: str
    children: tuple[PlainWords, ...] = ()
    macros: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    exception: str = ""


# operator: as it is said, and when it is denied. A field that is missing makes what is said false, what is denied true.
OPERATOR_WORDS: Mapping[str, tuple[str, str]] = {
    "exists": ("is there", "is missing"),
    "=": ("is", "is not"),
    "==": ("is", "is not"),
    "!=": ("is there, and is not", "is missing, or is"),
    "<": ("is less than", "is missing, or is not less than"),
    "<=": ("is at most", "is missing, or is more than"),
    ">": ("is more than", "is missing, or is at most"),
    ">=": ("is at least", "is missing, or is less than"),
    "contains": ("contains", "does not contain"),
    "icontains": ("contains, in small or capital letters,", "does not contain, in small or capital letters,"),
    "bcontains": ("contains the bytes", "does not contain the bytes"),
    "startswith": ("begins with", "does not begin with"),
    "bstartswith": ("begins with the bytes", "does not begin with the bytes"),
    "endswith": ("ends with", "does not end with"),
    "glob": ("fits the pattern", "does not fit the pattern"),
    "iglob": (
        "fits, in small or capital letters, the pattern",
        "does not fit, in small or capital letters, the pattern",
    ),
    "regex": ("fits the regular expression", "does not fit the regular expression"),
    "in": ("is one of", "is none of"),
    "intersects": ("is one of", "is none of"),
    "pmatch": ("is, or lies below, one of the paths", "neither is nor lies below one of the paths"),
}
MODIFIER_WORDS: Mapping[str, str] = {
    "oneof": "exactly one of",
    "anyof": "at least one of",
    "allof": "each of",
}
_SEVERAL = {
    "the pattern": "the patterns",
    "the regular expression": "the regular expressions",
    "the bytes": "the bytes",
}
_NOT = ("is not", "does not")
_TEXT_ORDER = " in the order of letters"


def plain_words(about: Rule | Condition | Node) -> PlainWords:
    """A rule with its exceptions, a condition, or a part of one. What is beyond MAX_PARTS or MAX_DEPTH is left out."""
    teller = _Teller()
    if isinstance(about, Rule):
        return teller.rule(about)
    return teller.node(about.tree if isinstance(about, Condition) else about, MAX_DEPTH)


def plain_lines(words: PlainWords, depth: int = 0) -> Iterator[str]:
    """One line for each part, indented, with the names that its author gave."""
    names = [f"macro {name}" for name in words.macros] + [f"list {name}" for name in words.lists]
    exception = f"exception {words.exception}: " if words.exception else ""
    named = f" ({', '.join(names)})" if names else ""
    yield f"{'  ' * depth}{exception}{words.text}{named}{':' if words.children else ''}"
    for child in words.children:
        yield from plain_lines(child, depth + 1)


class _Teller:
    def __init__(self) -> None:
        self.left = MAX_PARTS

    def rule(self, rule: Rule) -> PlainWords:
        """The condition, and the exceptions that loading put behind it as `and not …`."""
        tree, names = rule.condition.tree, rule.exceptions
        if not names or not isinstance(tree, And) or len(tree.children) != len(names) + 1:
            return self.node(tree, MAX_DEPTH)
        condition = self.node(tree.children[0], MAX_DEPTH)
        together = condition.children if condition.sense is Sense.ALL and not condition.macros else (condition,)
        exceptions = [
            replace(self.node(excluding.child if isinstance(excluding, Not) else excluding, MAX_DEPTH), exception=name)
            for name, excluding in zip(names, tree.children[1:], strict=True)
        ]
        unless = PlainWords(Sense.UNLESS, TITLES[Sense.UNLESS], tuple(exceptions))
        return PlainWords(Sense.ALL, TITLES[Sense.ALL], (*together, unless))

    def node(self, node: Node, depth: int) -> PlainWords:
        self.left -= 1
        if self.left < 0 or depth < 0:
            return PlainWords(Sense.STATEMENT, _MORE)
        match node:
            case And() | Or():
                return self.group(node, depth)
            case Not():
                return self.denied(node.child, depth)
            case Macro():
                body = self.node(node.body, depth)
                return replace(body, macros=(node.name, *body.macros))
            case Identifier():
                return PlainWords(Sense.STATEMENT, f"the macro {node.name} holds", macros=(node.name,))
            case Comparison() | Exists():
                return statement(node, denied=False)

    def group(self, node: And | Or, depth: int) -> PlainWords:
        """A group that stands in one of its own kind without a name of its own is part of it."""
        sense = Sense.ALL if isinstance(node, And) else Sense.ANY
        children: list[PlainWords] = []
        for child in node.children:
            if self.left < 0:
                break
            told = self.node(child, depth - 1)
            children += told.children if told.sense is sense and not told.macros else (told,)
        return PlainWords(sense, TITLES[sense], tuple(children))

    def denied(self, node: Node, depth: int) -> PlainWords:
        match node:
            case Comparison() | Exists():
                return statement(node, denied=True)
            case Not():
                return self.node(node.child, depth)
            case Macro():
                body = self.denied(node.body, depth)
                return replace(body, macros=(node.name, *body.macros))
            case Identifier():
                return PlainWords(Sense.STATEMENT, f"the macro {node.name} does not hold", macros=(node.name,))
            case And() | Or():
                told = self.group(node, depth)
                sense = _OPPOSITES[told.sense]
                return replace(told, sense=sense, text=TITLES[sense])


def statement(node: Comparison | Exists, *, denied: bool) -> PlainWords:
    """A check as a sentence."""
    if isinstance(node, Exists):
        return PlainWords(Sense.STATEMENT, f"{operand_words(node.left)} {OPERATOR_WORDS['exists'][denied]}")
    lists = node.right.lists if isinstance(node.right, Value | ListValue) else ()
    flag = None if denied else _flag(node)
    return PlainWords(Sense.STATEMENT, flag or _comparison(node, denied), lists=lists)


def _flag(node: Comparison) -> str | None:
    """What a mark says, for `ct.readonly = true` and the like."""
    simple = node.operator in ("=", "==") and node.modifier is None and isinstance(node.right, Value)
    if not simple or not isinstance(node.left, Field) or node.left.name not in FLAGS:
        return None
    return {"true": FLAGS[node.left.name][0], "false": FLAGS[node.left.name][1]}.get(str(node.right))


def _comparison(node: Comparison, denied: bool) -> str:
    left, right = operand_words(node.left), _right(node.right)
    said = OPERATOR_WORDS[node.operator][denied and node.modifier is None]
    if node.modifier == "anyof" and denied and OPERATOR_WORDS[node.operator][1].startswith(_NOT):
        return f"{left} {_modified(OPERATOR_WORDS[node.operator][1], 'any of')} {right}"
    if node.modifier is not None:
        told = f"{left} {_modified(said, MODIFIER_WORDS[node.modifier])} {right}"
        return f"it is not so that {told}" if denied else told
    if _is_list(node.left) and node.operator in ("in", "intersects"):
        which = "each" if node.operator == "in" else "at least one"
        told = f"{which} of {left} is one of {right}"
        return f"it is not so that {told}" if denied else told
    if node.operator in ("<", "<=", ">", ">=") and _is_text(node.left):
        said += _TEXT_ORDER
    if node.operator in ("=", "==", "!=") and isinstance(node.right, Field | Transformer):
        said += " the same as"
    return f"{left} {said} {right}"


def _modified(said: str, modifier: str) -> str:
    """The modifier's place is before what is compared with: fits at least one of the patterns."""
    for one, several in _SEVERAL.items():
        if said.endswith(one):
            return f"{said.removesuffix(one)}{modifier} {several}"
    return f"{said} {modifier}"


def _right(right: Value | ListValue | Field | Transformer) -> str:
    if not isinstance(right, ListValue):
        return operand_words(right)
    shown = ", ".join(map(quoted, right.texts[:_SHOWN]))
    more = len(right.texts) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or "nothing (the list is empty)"


def _is_list(node: OperandNode) -> bool:
    if isinstance(node, Field):
        return ALL_FIELDS[node.name].is_list
    if isinstance(node, Transformer):
        if node.name == "getopt":
            return node.argument is None
        return node.name not in ("len", "join", "concat") and _is_list(node.arguments[0])
    return not isinstance(node, Value)


def _is_text(node: OperandNode) -> bool:
    if isinstance(node, Field):
        return ALL_FIELDS[node.name].type is FieldType.TEXT
    if isinstance(node, Transformer) and node.name == "val":
        return _is_text(node.arguments[0])
    return not (isinstance(node, Transformer) and node.name == "len")
