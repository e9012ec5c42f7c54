"""The items of all files together: definitions, redefinitions, appends and overrides, in the order read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from . import exceptions, item_reader, values, versions
from .items import ExceptionItem, ListItem, MacroItem, RuleChange, RuleItem
from .problems import Context, ItemError, ProblemLog
from .reader import Mapping, ReadingError, Scalar, Source, YamlNode, is_null, read_documents
from .source_text import SourceText

_CODE = "LOAD_ERR_VALIDATE"
_LIST_NAME = re.compile(r"[^()\"' \t\n\v\f\r=,]+")
_MACRO_NAME = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*")
_NO_LIST = "List uses 'append' or 'override.items: append' but no list by that name already exists"
_NO_MACRO = "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists"
_NO_RULE_APPEND = "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists"
_NO_RULE_REPLACE = "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists"
_NO_RULE_ENABLE = "Rule has 'enabled' key but no rule by that name already exists"
_APPENDS_NOTHING = "Appended rule must have exceptions or condition property"
_REPLACES_NOTHING = "The rule must have at least one field that can be replaced"
_OTHER_SOURCE = "Rule has been re-defined with a different source"
_INVALID_LIST_NAME = "List has an invalid name. List names should match a regular expression: ([^()\"'[:space:]=,]+)"
_INVALID_MACRO_NAME = (
    "Macro has an invalid name. Macro names should match a regular expression: ([a-zA-Z]+[a-zA-Z0-9_]*)"
)


class Collector:
    """What was read so far. `broken` names macros and lists whose items had errors, so that their use isn't one."""

    def __init__(self, sources: Iterable[str], log: ProblemLog) -> None:
        self.sources = tuple(sources)
        self.log = log
        self.lists: dict[str, ListItem] = {}
        self.macros: dict[str, MacroItem] = {}
        self.rules: dict[str, RuleItem] = {}
        self.broken: set[tuple[str, str]] = set()
        self.index = 0

    def read_file(self, source: Source) -> None:
        context = Context.of_file(source)
        try:
            documents = read_documents(source)
        except ReadingError as error:
            place = context.at(source, _offset(source, error.line, error.column))
            self.log.error(ItemError("LOAD_ERR_YAML_PARSE", error.message, place, error.hint))
            return
        for document in documents:
            self.read_document(document, context)

    def read_document(self, document: YamlNode, context: Context) -> None:
        if is_null(document):
            return
        place = context.at(document.source, document.start)
        if isinstance(document, Scalar):
            self.log.error(ItemError(values.INVALID, "Rules content is not yaml", place))
        elif isinstance(document, Mapping):
            hint = "begin each item with '- '"
            self.log.error(ItemError(values.INVALID, "Rules content is not yaml array of objects", place, hint))
        else:
            for element in document.items:
                self.read_element(element, place)

    def read_element(self, element: YamlNode, outer: Context) -> None:
        if is_null(element):
            return
        context = outer.inside("rules content item", "", element)
        if not isinstance(element, Mapping):
            message = "Unexpected element type. Each element should be a yaml associative array."
            self.log.error(ItemError(values.INVALID, message, context))
            return
        kind = item_reader.kind_of(element)
        if kind is None:
            self.log.warn("LOAD_UNKNOWN_ITEM", "Unknown top level item", context)
            return
        try:
            self.read_item(element, kind, context)
        except ItemError as error:
            self.log.error(error)
            name = element.get(kind)
            if isinstance(name, Scalar):
                self.broken.add((kind, name.text))
        inner = context
        name_node = element.get(kind)
        if isinstance(name_node, Scalar) and kind in ("list", "macro", "rule"):
            inner = context.inside(kind, name_node.text, element)
        item_reader.warn_of_unknown_keys(element, kind, inner, self.log)

    def read_item(self, element: Mapping, kind: str, context: Context) -> None:
        match kind:
            case "required_engine_version":
                versions.check_engine_version(element, context)
            case "required_plugin_versions":
                self.check_plugins(element, context)
            case "list":
                self.add_list(*item_reader.read_list(element, context, self.log))
            case "macro":
                self.add_macro(*item_reader.read_macro(element, context, self.log))
            case "rule":
                self.add_rule(item_reader.read_rule(element, context, self.log))

    def check_plugins(self, element: Mapping, context: Context) -> None:
        for entry in versions.read_plugin_versions(element, context):
            message = versions.unmet_requirement(entry, versions.PLUGIN_VERSIONS)
            if message is not None:
                inner = context.inside("required plugin versions", "", element)
                self.log.warn("ECSAUDIT_PLUGIN_VERSION", message, inner)

    def shared_items(self) -> Iterable[ListItem | MacroItem]:
        """The items that rules may use."""
        return (*self.lists.values(), *self.macros.values())

    def next_index(self) -> int:
        self.index += 1
        return self.index

    def add_list(self, item: ListItem, appends: bool) -> None:
        if not _LIST_NAME.fullmatch(item.name):
            self.log.warn("LOAD_INVALID_LIST_NAME", _INVALID_LIST_NAME, item.context)
        previous = self.lists.get(item.name)
        item.index = item.visibility = self.next_index()
        if previous is None:
            if appends:
                raise ItemError(_CODE, _NO_LIST, item.context)
            self.lists[item.name] = item
            return
        previous.items = previous.items + item.items if appends else item.items
        previous.visibility = item.visibility

    def add_macro(self, item: MacroItem, appends: bool) -> None:
        if not _MACRO_NAME.fullmatch(item.name):
            self.log.warn("LOAD_INVALID_MACRO_NAME", _INVALID_MACRO_NAME, item.context)
        previous = self.macros.get(item.name)
        item.index = item.visibility = self.next_index()
        if previous is None:
            if appends:
                raise ItemError(_CODE, _NO_MACRO, item.context)
            self.macros[item.name] = item
            return
        previous.condition = _appended(previous.condition, item.condition) if appends else item.condition
        previous.visibility = item.visibility

    def add_rule(self, reading: item_reader.RuleReading) -> None:
        if reading.definition is not None:
            self.define(reading.definition)
        if reading.append is not None:
            self.append(reading.append)
        if reading.replace is not None:
            self.replace(reading.replace)
        if reading.enable is not None:
            rule = self.existing(reading.enable, _NO_RULE_ENABLE)
            rule.enabled = bool(reading.enable.enabled)

    def existing(self, change: RuleChange, message: str) -> RuleItem:
        rule = self.rules.get(change.name)
        if rule is None:
            raise ItemError(_CODE, message, change.context)
        return rule

    def define(self, rule: RuleItem) -> None:
        previous = self.rules.get(rule.name)
        if previous is not None and previous.source != rule.source:
            hint = f"the earlier definition has 'source: {previous.source}'"
            raise ItemError(_CODE, _OTHER_SOURCE, rule.context, hint)
        if rule.source not in self.sources:
            rule.unknown_source = True
            message = f"Unknown source {rule.source}, skipping"
            self.log.warn("LOAD_UNKNOWN_SOURCE", message, rule.context, self._source_hint(rule.source))
        else:
            for exception in rule.exceptions:
                exceptions.validate(exception, rule.source)
        rule.visibility = self.next_index()
        rule.index = previous.index if previous is not None else rule.visibility
        self.rules[rule.name] = rule

    def _source_hint(self, source: str) -> str:
        if source == "syscall":
            return "rules for CloudTrail need 'source: aws_cloudtrail'; without it a rule is for syscalls"
        close = difflib.get_close_matches(source[:80], self.sources, n=1, cutoff=0.6)
        return f"did you mean '{close[0]}'?" if close else ""

    def append(self, change: RuleChange) -> None:
        rule = self.existing(change, _NO_RULE_APPEND)
        parts = (change.condition, change.output, change.description, change.tags, change.exceptions)
        if all(part is None for part in parts):
            hint = "'append: true' takes only condition and exceptions; use 'override' for the rest"
            raise ItemError(_CODE, _APPENDS_NOTHING, change.context, hint)
        self.check_same_source(rule, change)
        if rule.unknown_source:
            return
        if change.condition is not None:
            rule.condition = _appended(rule.condition, change.condition)
        if change.output is not None:
            rule.output = _appended(rule.output, change.output)
        if change.description is not None:
            rule.description += f" {change.description}"
        if change.tags is not None:
            rule.tags = sorted({*rule.tags, *change.tags})
        self.append_exceptions(rule, change.exceptions or [])
        rule.has_exceptions = rule.has_exceptions or change.exceptions is not None
        rule.visibility = self.next_index()

    def append_exceptions(self, rule: RuleItem, additions: list[ExceptionItem]) -> None:
        for addition in additions:
            existing = next((known for known in rule.exceptions if known.name == addition.name), None)
            if existing is None:
                exceptions.check_new(addition)
                exceptions.validate(addition, rule.source)
                rule.exceptions = [*rule.exceptions, addition]
            else:
                exceptions.append_values(existing, addition)

    def check_same_source(self, rule: RuleItem, change: RuleChange) -> None:
        if change.source is not None and change.source != rule.source:
            raise ItemError(_CODE, _OTHER_SOURCE, change.context)

    def replace(self, change: RuleChange) -> None:
        rule = self.existing(change, _NO_RULE_REPLACE)
        self.check_same_source(rule, change)
        replaced = False
        for name in _REPLACEABLE:
            value = getattr(change, name)
            if value is not None:
                setattr(rule, name, value)
                replaced = True
        if not replaced:
            raise ItemError(_CODE, _REPLACES_NOTHING, change.context)
        if change.exceptions is not None:
            rule.has_exceptions = True
        rule.visibility = self.next_index()


_REPLACEABLE = (
    "condition",
    "output",
    "description",
    "priority",
    "tags",
    "exceptions",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip_if_unknown_filter",
)


def _appended(first: SourceText, second: SourceText) -> SourceText:
    blank = SourceText.made(" ", second.segments[0].scalar)
    return SourceText.join((first, blank, second))


def _offset(source: Source, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        end = source.text.find("\n", start)
        if end < 0:
            return len(source.text)
        start = end + 1
    return min(start + column - 1, len(source.text))
