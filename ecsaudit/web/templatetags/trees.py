"""Trees for templates, as a walk: a template that includes itself fails where a tree is deep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import template

register = template.Library()


@dataclass(frozen=True, slots=True)
class Step:
    """A node on the way. After a node with children theirs come; `closes` has an entry for each list that ends behind it."""

    node: Any
    opens: bool
    closes: range


@register.filter
def walk(node: Any) -> Iterator[Step]:
    """Every node of a tree, each before its children, which are under `children`."""
    waiting: list[tuple[Any, int]] = [(node, 0)]
    while waiting:
        current, ends = waiting.pop()
        children = children_of(current)
        yield Step(current, bool(children), range(0 if children else ends))
        # The last child ends its own list, and those that its parent was the last of.
        last = len(children) - 1
        waiting += reversed([(child, ends + 1 if index == last else 0) for index, child in enumerate(children)])


def children_of(node: Any) -> list[Any]:
    return list(node.get("children", ()) if isinstance(node, Mapping) else node.children)
