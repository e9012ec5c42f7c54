"""The keys `append` and `override`: whether and how an item changes an earlier one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import values
from .problems import Context, ItemError, ProblemLog
from .reader import Mapping, is_null

APPEND_DEPRECATED = (
    "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead."
)
APPEND_AND_OVERRIDE = (
    "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry "
    "(e.g. 'condition: append') under 'override' instead."
)


@dataclass(frozen=True, slots=True)
class Overrides:
    """The keys under `override`, by operation."""

    append: frozenset[str] = field(default_factory=frozenset)
    replace: frozenset[str] = field(default_factory=frozenset)

    def __bool__(self) -> bool:
        return bool(self.append or self.replace)


def appends(item: Mapping, keys: tuple[str, ...], context: Context, log: ProblemLog) -> bool:
    append = bool(values.boolean(item, "append", context))
    if append:
        log.warn("LOAD_DEPRECATED_ITEM", APPEND_DEPRECATED, context)
    overrides = read_overrides(item, keys, keys, context)
    if append and overrides:
        raise ItemError(values.INVALID, APPEND_AND_OVERRIDE, context)
    return append or bool(overrides.append)


def read_overrides(item: Mapping, appendable: Iterable[str], replaceable: Iterable[str], context: Context) -> Overrides:
    node = item.get("override")
    if node is None or is_null(node):
        return Overrides()
    outer = context.inside("overrides", "", node)
    if not isinstance(node, Mapping):
        raise ItemError(values.INVALID, "Value is not a mapping", outer)
    found: dict[str, set[str]] = {"append": set(), "replace": set()}
    for key in node.entries:
        inner = outer.inside("overrides", key, node.keys[key])
        operation = values.required(node, key, outer)
        allowed = [name for name, keys in (("append", appendable), ("replace", replaceable)) if key in keys]
        if operation.text == "append" and "append" not in allowed:
            raise ItemError(values.INVALID, f"Key '{key}' cannot be appended to, use 'replace' instead", inner)
        if operation.text == "replace" and "replace" not in allowed:
            raise ItemError(values.INVALID, f"Key '{key}' cannot be replaced", inner)
        if operation.text not in found:
            message = f"Invalid override operation for key '{key}': '{operation.text}'. Allowed values are: "
            message += "".join(f"{name} " for name in allowed)
            raise ItemError(values.INVALID, message, inner.inside("value for", key, operation))
        found[operation.text].add(key)
    return Overrides(frozenset(found["append"]), frozenset(found["replace"]))
