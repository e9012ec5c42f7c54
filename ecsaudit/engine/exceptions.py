"""Exceptions of rules: read, checked, and turned into condition text.

Form A has lists of fields and comps, and a value for each field in every element of values; form B has one field,
one operator for lists, and a flat list of values.
"""

from __future__ import annotations

from . import values
from .errors import ConditionError
from .fields import find_field
from .items import Entry, ExceptionItem, RuleItem
from .nodes import Field
from .parser import Parser
from .problems import Context, ItemError, ProblemLog
from .reader import Mapping, Scalar, Sequence, YamlNode, is_null
from .source_text import SourceText
from .words import LIST_OPERATORS, MODIFIERS, OPERATORS, SYMBOL_OPERATORS, WORD_OPERATORS

_CODE = "LOAD_ERR_VALIDATE"
_NO_FIELDS = "Rule exception item must have fields property with a list of fields"
_ONE_OPERATOR = (
    "When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator "
    "(e.g. startswith oneof)"
)
_MODIFIED = frozenset(
    f"{operator} {modifier}" for operator in (*SYMBOL_OPERATORS, *WORD_OPERATORS) for modifier in MODIFIERS
)


def read_exceptions(
    item: Mapping, context: Context, log: ProblemLog, *, appends: bool, changes: bool
) -> list[ExceptionItem]:
    """The exceptions under a rule's `exceptions` key; `changes` says that the item appends or replaces."""
    node = item.get("exceptions")
    if node is None or is_null(node):
        return []
    outer = context.inside("exceptions", "", node)
    if not isinstance(node, Sequence):
        raise ItemError(values.INVALID, "Rule exceptions must be a sequence", outer)
    found: list[ExceptionItem] = []
    for element in node.items:
        exception = _read(element, outer, appends=appends)
        if any(other.name == exception.name for other in found):
            message = f"Multiple definitions of exception '{exception.name}' in the same rule"
            log.warn("LOAD_EXCEPTION_NAME_NOT_UNIQUE", message, exception.context)
        if changes and not exception.values:
            message = "Overriding/appending exception with no values"
            log.warn("LOAD_APPEND_NO_VALUES", message, exception.context)
        found.append(exception)
    return found


def _read(element: YamlNode, outer: Context, *, appends: bool) -> ExceptionItem:
    context = outer.inside("exception", "", element)
    if not isinstance(element, Mapping):
        raise ItemError(values.INVALID, "Rule exception must be a mapping", context)
    name = values.required(element, "name", context).text
    context = outer.inside("exception", name, element)
    if not appends and element.get("fields") is None:
        raise ItemError(values.INVALID, "Item has no mapping for key 'fields'", context)
    fields = _entry(element.get("fields"), context)
    comps = _entry(element.get("comps"), context)
    node = element.get("values")
    if node is not None and not isinstance(node, Sequence):
        message = "Rule exception values must be a sequence"
        raise ItemError(values.INVALID, message, context.inside("exception values", "", node))
    inner = context if node is None else context.inside("exception values", "", node)
    entries = [_entry(value, inner) for value in node.items] if node is not None else []
    return ExceptionItem(name, fields, comps, entries, node is not None, context)


def _entry(node: YamlNode | None, context: Context, depth: int = 0) -> Entry:
    if node is None or (is_null(node) and depth == 0 and not isinstance(node, Sequence)):
        return Entry()
    if isinstance(node, Scalar):
        return Entry(scalar=node)
    if isinstance(node, Sequence) and depth < 3:
        return Entry(entries=tuple(_entry(item, context, depth + 1) for item in node.items))
    raise ItemError(values.INVALID, "Value is not a scalar value", context.inside("exception value", "", node))


def validate(exception: ExceptionItem, source: str) -> None:
    """Fill in the default comparisons and check fields and comparisons; ItemError if they don't fit."""
    fields, comps = exception.fields, exception.comps
    if not fields.is_present:
        raise ItemError(_CODE, _NO_FIELDS, exception.context)
    if fields.entries is None:
        _validate_single(exception, source)
        return
    if not comps.is_present:
        exception.comparisons = ["="] * len(fields.entries)
    else:
        exception.comparisons = [_text(entry).strip(" \t\r\n") for entry in comps.entries or ()]
    if len(exception.comparisons) != len(fields.entries):
        raise ItemError(_CODE, "Fields and comps lists must have equal length", exception.context)
    for comparison in exception.comparisons:
        if comparison not in OPERATORS and comparison not in _MODIFIED:
            raise ItemError(_CODE, f"'{comparison}' is not a supported comparison operator", exception.context)
    for entry in fields.entries:
        _check_field(_text(entry), source, exception)


def _validate_single(exception: ExceptionItem, source: str) -> None:
    comps = exception.comps
    if comps.is_list:
        raise ItemError(_CODE, "Fields and comps must both be strings", exception.context)
    exception.comparisons = [_text(comps).strip(" \t\r\n") if comps.is_present else "in"]
    if exception.comparisons[0] not in LIST_OPERATORS and exception.comparisons[0] not in _MODIFIED:
        raise ItemError(_CODE, _ONE_OPERATOR, exception.context)
    _check_field(_text(exception.fields), source, exception)


def _check_field(text: str, source: str, exception: ExceptionItem) -> None:
    parser = Parser(text)
    try:
        node = parser.transformer() or parser.field()
        complete = node is not None and parser.scanner.at == len(text)
        if complete and isinstance(node, Field):
            find_field(node.name, node.argument, source)
        hint = ""
    except ConditionError as error:
        complete, hint = False, error.hint
    if not complete:
        raise ItemError(_CODE, f"'{text}' is not a supported filter field", exception.context, hint)


def append_values(existing: ExceptionItem, addition: ExceptionItem) -> None:
    """Add the values of an exception of the same name."""
    for key, entry in (("fields", addition.fields), ("comps", addition.comps)):
        if entry.is_present:
            message = f"Can not append exception {key} to existing exception, only values"
            raise ItemError(_CODE, message, addition.context)
    existing.values = existing.values + addition.values
    existing.has_values = True


def check_new(exception: ExceptionItem) -> None:
    """An exception that an append brings must be whole."""
    for key, present in (("fields", exception.fields.is_present), ("values", exception.has_values)):
        if not present:
            message = f"Rule exception must have {key} property with a list of {key}"
            raise ItemError(_CODE, message, exception.context)


def condition_with_exceptions(rule: RuleItem) -> SourceText:
    """The rule's condition and its exceptions as one text."""
    if not rule.has_exceptions and not rule.exceptions:
        return rule.condition
    anchor = rule.condition.segments[0].scalar
    pieces = [_plain("(", anchor), rule.condition, _plain(")", anchor)]
    for exception in rule.exceptions:
        if not exception.values:
            continue
        body = _single(exception) if exception.fields.entries is None else _columns(exception)
        pieces += [_plain(" and not ", anchor), body]
    return SourceText.join(pieces)


def _single(exception: ExceptionItem) -> SourceText:
    for value in exception.values:
        if value.scalar is None:
            raise ItemError(_CODE, "Expected values array to contain a list of strings", exception.context)
    field = _scalar(exception.fields, exception)
    comparison = _plain(f" {_comparison(exception, 0)} ", field)
    tested = _list(tuple(exception.values), exception)
    return SourceText.join((_plain("(", field), SourceText.of(field), comparison, tested, _plain(")", field)))


def _columns(exception: ExceptionItem) -> SourceText:
    fields = exception.fields.entries or ()
    pieces: list[SourceText] = []
    for value in exception.values:
        columns = value.entries
        if columns is None or len(columns) != len(fields):
            raise ItemError(_CODE, "Fields and values lists must have equal length", exception.context)
        tests: list[SourceText] = []
        for position, column in enumerate(columns):
            field = _scalar(fields[position], exception)
            comparison = _comparison(exception, position)
            tests += [_plain(" and " if tests else "", field), SourceText.of(field), _plain(f" {comparison} ", field)]
            tests.append(_column(column, comparison, exception))
        anchor = _scalar(fields[0], exception) if fields else None
        if anchor is None:
            raise ItemError(_CODE, "Fields and values lists must have equal length", exception.context)
        pieces += [_plain(" or (" if pieces else "((", anchor), *tests, _plain(")", anchor)]
    return SourceText.join([*pieces, _plain(")", pieces[0].segments[0].scalar)])


def _column(entry: Entry, comparison: str, exception: ExceptionItem) -> SourceText:
    if entry.entries is not None:
        return _list(entry.entries, exception)
    scalar = _scalar(entry, exception)
    takes_list = comparison in LIST_OPERATORS or comparison.endswith(MODIFIERS)
    if not takes_list:
        return quoted(scalar)
    if scalar.text.startswith("("):
        return SourceText.of(scalar)
    return _plain("(", scalar) + SourceText.of(scalar) + _plain(")", scalar)


def _list(entries: tuple[Entry, ...], exception: ExceptionItem) -> SourceText:
    anchor = _first_scalar(exception)
    pieces = [_plain("(", anchor)]
    for position, entry in enumerate(entries):
        scalar = _scalar(entry, exception)
        pieces += [_plain(", " if position else "", anchor), quoted(scalar)]
    return SourceText.join([*pieces, _plain(")", anchor)])


def quoted(scalar: Scalar) -> SourceText:
    """The scalar, in double quotes if it has a blank and no quote of its own; nothing is escaped."""
    text = SourceText.of(scalar)
    if " " not in scalar.text or scalar.text.startswith(('"', "'")):
        return text
    return _plain('"', scalar) + text + _plain('"', scalar)


def _comparison(exception: ExceptionItem, position: int) -> str:
    """The comparison at a place; replaced exceptions were never validated, so theirs may be absent."""
    if exception.comparisons:
        return exception.comparisons[position] if position < len(exception.comparisons) else ""
    comps = exception.comps
    if comps.entries is not None:
        return _text(comps.entries[position]) if position < len(comps.entries) else ""
    return _text(comps)


def _first_scalar(exception: ExceptionItem) -> Scalar:
    entry = exception.fields.entries[0] if exception.fields.entries else exception.fields
    return _scalar(entry, exception)


def _scalar(entry: Entry, exception: ExceptionItem) -> Scalar:
    if entry.scalar is None:
        raise ItemError(_CODE, "Value is not a scalar value", exception.context)
    return entry.scalar


def _text(entry: Entry) -> str:
    return entry.scalar.text if entry.scalar is not None else ""


def _plain(text: str, scalar: Scalar) -> SourceText:
    return SourceText.made(text, scalar)
