"""What a condition needs to match at all: the event names and event sources, derived from its tree.

A set means that no record with another name can match; None means that there is no such bound.
"""

from __future__ import annotations

from .nodes import And, Comparison, Field, ListValue, Macro, Node, Or, Value
from .pointer import split_pointer

_EQUALITIES = ("=", "==")


def event_names(tree: Node) -> frozenset[str] | None:
    """The event names of which one is required, or None."""
    return _required(tree, "eventName", ("ct.name",))


def event_sources(tree: Node) -> frozenset[str] | None:
    """The event sources of which one is required, or None."""
    return _required(tree, "eventSource", ("ct.src",))


def event_types(tree: Node) -> frozenset[str] | None:
    """The system calls of which one is required (rules for syscalls), or None."""
    return _required(tree, "", ("evt.type",))


def _required(node: Node, member: str, names: tuple[str, ...]) -> frozenset[str] | None:
    if isinstance(node, Macro):
        return _required(node.body, member, names)
    if isinstance(node, And):
        bounds = [_required(child, member, names) for child in node.children]
        known = [bound for bound in bounds if bound is not None]
        return frozenset.intersection(*known) if known else None
    if isinstance(node, Or):
        bounds = [_required(child, member, names) for child in node.children]
        known = [bound for bound in bounds if bound is not None]
        return frozenset().union(*known) if len(known) == len(bounds) else None
    if not isinstance(node, Comparison):
        return None
    if _is_never_true(node):
        return frozenset()
    return _constants(node) if _reads(node, member, names) else None


def _is_never_true(node: Comparison) -> bool:
    """`evt.num = 0`, which Falco's rules use for a placeholder: events are counted from 1."""
    return str(node) in ("evt.num = 0", "evt.num == 0")


def _reads(node: Comparison, member: str, names: tuple[str, ...]) -> bool:
    left = node.left
    if not isinstance(left, Field):
        return False
    if left.name in names:
        return True
    return left.name in ("json.value", "jevt.value") and split_pointer(left.argument or "") == (member,)


def _constants(node: Comparison) -> frozenset[str] | None:
    if not isinstance(node.right, Value | ListValue):
        return None
    equal = node.operator in _EQUALITIES
    if node.operator not in ("in", "intersects") and not equal:
        return None
    texts = node.right.texts if isinstance(node.right, ListValue) else (node.right.text,)
    if node.modifier == "allof" and len(set(texts)) > 1:
        return frozenset()
    return frozenset(texts)
