"""The macros and lists that a condition names itself; what its macros name is theirs."""

from __future__ import annotations

from collections.abc import Iterator

from .nodes import And, Comparison, Identifier, ListValue, Macro, Node, Not, Or, Value


def references(node: Node) -> Iterator[tuple[str, str]]:
    """("macro" or "list", name) for each place, from left to right."""
    match node:
        case And() | Or():
            for child in node.children:
                yield from references(child)
        case Not():
            yield from references(node.child)
        case Macro() | Identifier():
            yield ("macro", node.name)
        case Comparison(right=Value() | ListValue() as right):
            for name in right.lists:
                yield ("list", name)
