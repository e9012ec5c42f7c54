"""Which findings somebody meant, as data: a condition that a bulk action keeps and goes on with, whoever asked for it. Pure.

{"all": [[column, value], …]}     every one of them; a part may be a condition of its own
{"any": […]}                      one of them
{"not": {…}}                      the opposite
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.db.models.lookups import In

Data = dict[str, Any]


def as_data(condition: Q) -> Data:
    """The condition as JSON. TypeError where it holds something else than columns and plain values."""
    parts = [part_as_data(child) for child in condition.children]
    data: Data = {"any" if condition.connector == Q.OR else "all": parts}
    return {"not": data} if condition.negated else data


def part_as_data(child: Any) -> Any:
    if isinstance(child, Q):
        return as_data(child)
    if isinstance(child, In):
        # `column + 0` only keeps the database from an index; it means the column.
        return [f"{child.lhs.lhs.name}__in", list(child.rhs)]
    column, value = child
    return [column, value_as_data(value)]


def value_as_data(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, list | tuple | set | frozenset):
        return [value_as_data(each) for each in value]
    if value is None or isinstance(value, str | int | bool):
        return value
    raise TypeError(f"{type(value).__name__} can't be kept in a selection")


def from_data(data: Mapping[str, Any]) -> Q:
    """The condition again."""
    if "not" in data:
        return ~from_data(data["not"])
    connector = Q.OR if "any" in data else Q.AND
    parts = data["any"] if connector == Q.OR else data.get("all", [])
    return Q(*(part_from_data(part) for part in parts), _connector=connector)


def part_from_data(part: Any) -> Any:
    if isinstance(part, Mapping):
        return from_data(part)
    column, value = part
    return column, datetime.fromisoformat(value["time"]) if isinstance(value, Mapping) else value
