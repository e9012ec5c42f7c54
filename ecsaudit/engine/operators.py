"""The tests behind the operators: which types take which, and each as a function of one value."""

from __future__ import annotations

import operator as op
from collections.abc import Callable, Sequence
from typing import Any

from .errors import ConditionError
from .fields import FieldType
from .patterns import ascii_lower, glob_test, path_prefix_test, regex_test

Test = Callable[[Any], bool]

EQUALITIES = ("=", "==")
ORDERS: dict[str, Callable[[Any, Any], bool]] = {"<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge}
LIST_OPERATORS = ("in", "intersects", "pmatch")

_ANY_TYPE = frozenset(("exists", "=", "==", "!=", "in", "intersects"))
_NUMBERS = _ANY_TYPE | ORDERS.keys()
_TEXTS = _NUMBERS | {"contains", "startswith", "endswith", "icontains", "glob", "iglob", "regex", "pmatch"}
_LISTS = frozenset(("exists", "in", "intersects"))
_WRAP = 1 << 64


def check_operator(operator: str, type_: FieldType, *, is_list: bool) -> None:
    """ConditionError if a field of this type can't be tested with the operator."""
    operator = "=" if operator == "==" else operator
    if is_list:
        if operator not in _LISTS:
            hint = "use 'in' (every value) or 'intersects' (some value)"
            raise ConditionError(f"filter error: '{operator}' operator not supported list filters", hint=hint)
        return
    allowed = {FieldType.TEXT: _TEXTS, FieldType.BOOL: _ANY_TYPE}.get(type_, _NUMBERS)
    if operator in allowed:
        return
    kind = "string" if type_ is FieldType.TEXT else "numeric"
    raise ConditionError(f"filter error: '{operator}' operator not supported for {kind} filters")


def constant(text: str, type_: FieldType) -> Any:
    """A constant of a condition in the field's type."""
    if type_ is FieldType.TEXT:
        if "\0" in text:
            raise ConditionError("filter error: filter value cannot contain a NUL byte (\\x00)")
        return text
    if type_ is FieldType.BOOL:
        if text not in ("true", "false"):
            raise ConditionError(f"filter error: unrecognized boolean value {text}")
        return text == "true"
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 20:
        raise ConditionError(f"filter error: {text} is not a valid number")
    return int(text) % _WRAP


def single_test(operator: str, value: Any) -> Test:
    """The test of one value against one constant."""
    if operator in EQUALITIES:
        return lambda actual: bool(actual == value)
    if operator == "!=":
        return lambda actual: bool(actual != value)
    if operator in ORDERS:
        return _order_test(ORDERS[operator], value)
    return text_test(operator, value)


def _order_test(compare: Callable[[Any, Any], bool], value: Any) -> Test:
    return lambda actual: compare(actual, value)


def text_test(operator: str, value: str) -> Test:
    match operator:
        case "contains":
            return lambda actual: value in actual
        case "icontains":
            folded = ascii_lower(value)
            return lambda actual: folded in ascii_lower(actual)
        case "startswith":
            return lambda actual: bool(actual.startswith(value))
        case "endswith":
            return lambda actual: bool(actual.endswith(value))
        case "glob" | "iglob":
            return glob_test(value, ignore_case=operator == "iglob")
        case "regex":
            return regex_test(value)
    raise ConditionError(f"filter error: '{operator}' operator not supported")


def list_test(operator: str, values: Sequence[Any], *, is_list: bool) -> Test:
    """in, intersects and pmatch; a field that is a list is `in` when all its values are."""
    if operator == "pmatch":
        return path_prefix_test(values)
    members = frozenset(values)
    if not is_list:
        return members.__contains__
    if operator == "in":
        return members.issuperset
    return lambda actual: not members.isdisjoint(actual)


def modified_test(modifier: str, tests: Sequence[Test]) -> Test:
    """oneof: exactly one; anyof: at least one; allof: all. None of them holds for an empty list."""
    if modifier == "oneof":
        return lambda actual: sum(test(actual) for test in tests) == 1
    if modifier == "anyof":
        return lambda actual: any(test(actual) for test in tests)
    return lambda actual: bool(tests) and all(test(actual) for test in tests)


def pair_test(operator: str, *, is_list: bool) -> Callable[[Any, Any], bool]:
    """The test of one field's value against another's."""
    if is_list:
        if operator == "intersects":
            return lambda left, right: not set(left).isdisjoint(right)
        return lambda left, right: set(left) <= set(right)
    if operator in EQUALITIES or operator in ("in", "intersects"):
        return op.eq
    if operator == "!=":
        return op.ne
    if operator in ORDERS:
        return ORDERS[operator]
    return _dynamic_text_test(operator)


def _dynamic_text_test(operator: str) -> Callable[[str, str], bool]:
    def test(left: str, right: str) -> bool:
        try:
            return bool(text_test(operator, right)(left))
        except ConditionError:  # a glob from the record that is too large to compile matches nothing
            return False

    return test
