"""YAML nodes to items: which kind an item is, and each kind's keys in Falco's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import values
from .exceptions import read_exceptions
from .items import ListItem, MacroItem, Priority, RuleChange, RuleItem
from .overrides import APPEND_AND_OVERRIDE, APPEND_DEPRECATED, Overrides, appends, read_overrides
from .problems import Context, ItemError, ProblemLog
from .reader import Mapping, Scalar
from .source_text import SourceText

ENABLED_DEPRECATED = (
    "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry "
    "under the 'override' key (i.e. 'enabled: replace')."
)
_APPENDABLE = ("condition", "output", "desc", "tags", "exceptions")
_REPLACEABLE = (
    *_APPENDABLE,
    "priority",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
)
_DEFINING = ("condition", "output", "desc", "priority")
KEYS = {
    "list": {"list", "items", "append", "override"},
    "macro": {"macro", "condition", "append", "override"},
    "rule": {"rule", "source", "append", "override", *_REPLACEABLE},
    "required_engine_version": {"required_engine_version"},
    "required_plugin_versions": {"required_plugin_versions"},
}

KINDS = ("required_engine_version", "required_plugin_versions", "list", "macro", "rule")


@dataclass(frozen=True, slots=True)
class RuleReading:
    """What a rule item asks for: one of a definition, an enabling, or an append and/or a replacement."""

    definition: RuleItem | None = None
    append: RuleChange | None = None
    replace: RuleChange | None = None
    enable: RuleChange | None = None


def kind_of(item: Mapping) -> str | None:
    return next((kind for kind in KINDS if item.get(kind) is not None), None)


def warn_of_unknown_keys(item: Mapping, kind: str, context: Context, log: ProblemLog) -> None:
    for key, node in item.keys.items():
        if key not in KEYS[kind]:
            hint = "Falco's key is 'desc'" if key == "description" else ""
            place = context.at(node.source, node.start)
            log.warn("LOAD_UNKNOWN_KEY", f"Unknown key '{key}'. The key will be ignored.", place, hint)


def read_list(item: Mapping, context: Context, log: ProblemLog) -> tuple[ListItem, bool]:
    """A list and whether it appends."""
    name = values.required(item, "list", context.inside("list", "", item)).text
    context = context.inside("list", name, item)
    items = values.texts(item, "items", context)
    adds = appends(item, ("items",), context, log)
    return ListItem(name, items, context), adds


def read_macro(item: Mapping, context: Context, log: ProblemLog) -> tuple[MacroItem, bool]:
    """A macro and whether it appends."""
    name = values.required(item, "macro", context.inside("macro", "", item)).text
    context = context.inside("macro", name, item)
    condition = SourceText.of(values.required(item, "condition", context))
    adds = appends(item, ("condition",), context, log)
    return MacroItem(name, condition, context), adds


def read_rule(item: Mapping, context: Context, log: ProblemLog) -> RuleReading:
    """What a rule item says. Its mistakes are logged, and ItemError ends the reading if there were any."""
    name = values.required(item, "rule", context.inside("rule", "", item)).text
    return _RuleReader(item, name, context.inside("rule", name, item), log).read()


class _RuleReader:
    def __init__(self, item: Mapping, name: str, context: Context, log: ProblemLog) -> None:
        self.item = item
        self.name = name
        self.context = context
        self.log = log
        self.failure: ItemError | None = None

    def read(self) -> RuleReading:
        append = bool(values.boolean(self.item, "append", self.context))
        if append:
            self.log.warn("LOAD_DEPRECATED_ITEM", APPEND_DEPRECATED, self.context)
        overrides = read_overrides(self.item, _APPENDABLE, _REPLACEABLE, self.context)
        if append and overrides:
            raise ItemError(values.INVALID, APPEND_AND_OVERRIDE, self.context)
        if overrides:
            self.checkread_overrides(overrides)
            reading = RuleReading(
                append=self.change(overrides.append, appends=True) if overrides.append else None,
                replace=self.change(overrides.replace, appends=False) if overrides.replace else None,
            )
        elif append:
            reading = RuleReading(append=self.change(frozenset(("condition", "exceptions")), appends=True))
        elif not any(self.item.get(key) is not None for key in _DEFINING):
            reading = RuleReading(enable=self.enable())
        else:
            reading = RuleReading(definition=self.definition())
        if self.failure is not None:
            raise self.failure
        return reading

    def attempt(self, read: Callable[[], Any]) -> Any:
        """Run a reader; of several failures the last is raised in the end, those before it are logged."""
        try:
            return read()
        except ItemError as error:
            if self.failure is not None:
                self.log.error(self.failure)
            self.failure = error
            return None

    def checkread_overrides(self, overrides: Overrides) -> None:
        present = {key for key in _REPLACEABLE if self.item.get(key) is not None}
        for operation, keys in (("append", overrides.append), ("replace", overrides.replace)):
            for key in sorted(keys - present):
                message = f"An {operation} override for '{key}' was specified but '{key}' is not defined"
                raise ItemError(values.INVALID, message, self.context)
        for key in sorted(present - overrides.append - overrides.replace):
            message = f"Unexpected key '{key}': no corresponding entry under 'override' is defined."
            place = self.context.inside("overrides", key, self.item.keys[key])
            raise ItemError(values.INVALID, message, place, f"add '{key}: replace' under 'override'")

    def enable(self) -> RuleChange:
        values.required(self.item, "enabled", self.context)
        enabled = values.boolean(self.item, "enabled", self.context)
        self.log.warn("LOAD_DEPRECATED_ITEM", ENABLED_DEPRECATED, self.context)
        return RuleChange(self.name, self.context, enabled=bool(enabled))

    def source_text(self, key: str) -> SourceText | None:
        node = self.attempt(lambda: values.required(self.item, key, self.context))
        return None if node is None else SourceText.of(node)

    def text(self, key: str) -> str | None:
        node = self.attempt(lambda: values.required(self.item, key, self.context))
        return None if node is None else node.text

    def flag(self, key: str, default: bool) -> bool:
        value = self.attempt(lambda: values.boolean(self.item, key, self.context))
        return default if value is None else bool(value)

    def tags(self) -> list[str] | None:
        nodes: list[Scalar] | None = self.attempt(lambda: values.optional_texts(self.item, "tags", self.context))
        return None if nodes is None else sorted({node.text for node in nodes})

    def priority(self) -> Priority | None:
        node = self.attempt(lambda: values.required(self.item, "priority", self.context))
        if node is None:
            return None
        priority = Priority.from_text(node.text)
        if priority is None:
            words = ", ".join(level.word for level in Priority)
            context = self.context.inside("rule priority", "", node)
            self.attempt(_raiser(ItemError(values.INVALID, "Invalid priority", context, f"one of {words}")))
        return priority

    def definition(self) -> RuleItem | None:
        condition, output = self.source_text("condition"), self.source_text("output")
        description, priority = self.text("desc"), self.priority()
        source = "syscall"
        if self.item.get("source") is not None:
            source = self.text("source") or ""
        rule = RuleItem(
            self.name,
            self.context,
            source,
            condition or _NOTHING,
            (output or _NOTHING).stripped(),
            description or "",
            Priority.DEBUG if priority is None else priority,
            enabled=self.flag("enabled", True),
            capture=self.flag("capture", False),
            capture_duration=self.duration() or 0,
            warn_evttypes=self.flag("warn_evttypes", True),
            skip_if_unknown_filter=self.flag("skip-if-unknown-filter", False),
            tags=self.tags() or [],
            exceptions=self.exceptions(appends=False, changes=False) or [],
            has_exceptions=self.item.get("exceptions") is not None,
        )
        return rule if self.failure is None else None

    def duration(self) -> int | None:
        value = self.attempt(lambda: values.whole_number(self.item, "capture_duration", self.context))
        return None if value is None else int(value)

    def exceptions(self, *, appends: bool, changes: bool) -> Any:
        return self.attempt(
            lambda: read_exceptions(self.item, self.context, self.log, appends=appends, changes=changes)
        )

    def change(self, keys: frozenset[str], *, appends: bool) -> RuleChange:
        """The keys of an append or a replacement. An empty source is let through, as in Falco."""
        change = RuleChange(self.name, self.context)
        source = self.item.get("source")
        if isinstance(source, Scalar) and source.text and not source.is_null:
            change.source = source.text
        for key in _REPLACEABLE:
            if key in keys and self.item.get(key) is not None:
                self.take(change, key, appends=appends)
        return change

    def take(self, change: RuleChange, key: str, *, appends: bool) -> None:
        match key:
            case "condition":
                change.condition = self.source_text(key)
            case "output":
                output = self.source_text(key)
                change.output = None if output is None else output.stripped()
            case "desc":
                change.description = self.text(key)
            case "priority":
                change.priority = self.priority()
            case "tags":
                change.tags = self.tags()
            case "exceptions":
                change.exceptions = self.exceptions(appends=appends, changes=True)
            case "enabled":
                change.enabled = self.flag(key, True)
            case "capture":
                change.capture = self.flag(key, False)
            case "capture_duration":
                change.capture_duration = self.duration()
            case "warn_evttypes":
                change.warn_evttypes = self.flag(key, True)
            case "skip-if-unknown-filter":
                change.skip_if_unknown_filter = self.flag(key, False)


def _raiser(error: ItemError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


_NOTHING = SourceText("", ())
