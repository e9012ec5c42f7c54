"""The tree of a condition. `str(node)` is Falco's canonical text; `at` is the node's first character in the text."""

from __future__ import annotations

from dataclasses import dataclass

_ESCAPES = {
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\\": "\\\\",
    '"': '\\"',
}
_EMPTY = '""'
_NEEDS_QUOTES = frozenset(" =\b\f\n\r\t\\\"'")


def quote_if_needed(text: str) -> str:
    """The text as Falco prints a value: bare where it can be, else in double quotes."""
    if _NEEDS_QUOTES.isdisjoint(text):
        return text
    return '"' + "".join(_ESCAPES.get(character, character) for character in text) + '"'


def _bracketed(name: str, argument: str | None) -> str:
    if argument is None:
        return name
    return f"{name}[{quote_if_needed(argument) or _EMPTY}]"


@dataclass(frozen=True, slots=True)
class Value:
    """A constant; a bare word and a quoted string are the same. `lists` are the lists that stood there by name."""

    text: str
    at: int
    lists: tuple[str, ...] = ()

    def __str__(self) -> str:
        return quote_if_needed(self.text)


@dataclass(frozen=True, slots=True)
class ListValue:
    """Constants in parentheses. `lists` are the lists that stood among them by name."""

    texts: tuple[str, ...]
    at: int
    lists: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "(" + ", ".join(map(quote_if_needed, self.texts)) + ")"


@dataclass(frozen=True, slots=True)
class Field:
    """A field, as in `json.value[/eventName]`; `argument` is None without brackets."""

    name: str
    argument: str | None
    at: int

    def __str__(self) -> str:
        return _bracketed(self.name, self.argument)


@dataclass(frozen=True, slots=True)
class TransformerList:
    """A list among a transformer's arguments, as in `join(",", (ct.user, ct.name))`."""

    children: tuple[Operand, ...]
    at: int

    def __str__(self) -> str:
        return "(" + ",".join(map(str, self.children)) + ")"


@dataclass(frozen=True, slots=True)
class Transformer:
    """A function of fields and constants, as in `toupper(ct.name)`; `val(field)` is one too."""

    name: str
    arguments: tuple[Operand, ...]
    argument: str | None
    at: int

    def __str__(self) -> str:
        return _bracketed(f"{self.name}({','.join(map(str, self.arguments))})", self.argument)


@dataclass(frozen=True, slots=True)
class Exists:
    """`field exists`."""

    left: Field | Transformer
    at: int

    def __str__(self) -> str:
        return f"{self.left} exists"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; `modifier` is "oneof", "anyof", "allof" or None."""

    left: Field | Transformer
    operator: str
    modifier: str | None
    right: Value | ListValue | Field | Transformer
    at: int

    def __str__(self) -> str:
        operator = f"{self.operator} {self.modifier}" if self.modifier else self.operator
        return f"{self.left} {operator} {self.right}"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A word in operand position: the name of a macro."""

    name: str
    at: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Macro:
    """An identifier after macros were resolved: the name, and the tree that it stands for."""

    name: str
    body: Node
    at: int

    def __str__(self) -> str:
        return str(self.body)


@dataclass(frozen=True, slots=True)
class Not:
    child: Node
    at: int

    def __str__(self) -> str:
        return f"not {self.child}"


@dataclass(frozen=True, slots=True)
class And:
    children: tuple[Node, ...]
    at: int

    def __str__(self) -> str:
        return "(" + " and ".join(map(str, self.children)) + ")"


@dataclass(frozen=True, slots=True)
class Or:
    children: tuple[Node, ...]
    at: int

    def __str__(self) -> str:
        return "(" + " or ".join(map(str, self.children)) + ")"


Operand = Field | Transformer | TransformerList | Value
Node = And | Or | Not | Exists | Comparison | Identifier | Macro
