"""Rule files to a rule set, with every problem of every item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .collector import Collector
from .compiler import compile_tree
from .errors import ConditionError, OutputError, Problem
from .exceptions import condition_with_exceptions
from .fields import CLOUDTRAIL_SOURCES
from .items import ListItem, MacroItem, RuleItem
from .lists import Lists
from .needs import event_types
from .nodes import Node
from .output import OutputFormat, compile_output
from .problems import Context, ItemError, ProblemLog
from .reader import Source
from .resolver import MacroIsBrokenError, Macros, condition_error, parse_text
from .rules import Rule
from .ruleset import RuleSet
from .source_text import SourceText

_NO_EVENT_TYPE = "Rule matches too many evt.type values. This has a significant performance penalty."
_CONTAINER_INFO = "%container.info"
_CONTAINER_INFO_DEPRECATED = (
    "%container.info is deprecated and no more useful, and will be dropped by Falco 1.0.0. The container plugin will "
    "automatically add required fields to the output message."
)
TOO_DEEP = "the condition is nested too deep"
_UNKNOWN_FILTER = ("nonexistent field", "invalid formatting token", "unknown event type", "unknown filter:")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What loading gave. With errors the rule set holds the rules that had none, for editors; don't judge with it.

    `lists` are their items after lists in lists were replaced, `lists_in_lists` the lists that each names itself;
    `macros` are Falco's form of `macro_trees`.
    """

    rule_set: RuleSet
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    lists: dict[str, tuple[str, ...]]
    macros: dict[str, str]
    macro_trees: dict[str, Node] = field(default_factory=dict)
    lists_in_lists: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.errors

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.rule_set.rules


def load_rules(files: Iterable[tuple[str, str]], sources: Sequence[str] = CLOUDTRAIL_SOURCES) -> LoadResult:
    """Load (file name, text) pairs in order; later files may append to and override items of earlier ones.

    Rules of a source that isn't among `sources` are skipped with a warning.
    """
    log = ProblemLog()
    collector = Collector(sources, log)
    loading = _Loading(collector, log)
    for name, text in files:
        collector.read_file(Source(name, text.removeprefix("\ufeff")))
        # Falco compiles after each file: what a file needs must stand in it or before it.
        loading.compile()
    return loading.result()


class _Loading:
    def __init__(self, collector: Collector, log: ProblemLog) -> None:
        self.collector = collector
        self.log = log
        self.rules: list[Rule] = []
        self.lists: dict[str, tuple[str, ...]] = {}
        self.lists_in_lists: dict[str, tuple[str, ...]] = {}
        self.macro_trees: dict[str, Node] = {}
        # The lists and macros that nothing used after the last file without errors.
        self.unused: set[tuple[str, str]] = set()

    def compile(self) -> None:
        for shared in self.collector.shared_items():
            shared.used = False
        try:
            lists = Lists(self.collector.lists, self.log)
        except ItemError as error:
            self.log.error(error)
            return
        self.lists = {name: tuple(scalar.text for scalar in items) for name, items in lists.items.items()}
        self.lists_in_lists = {name: lists.named_in(name) for name in lists.items}
        macros = Macros(self.collector.macros, lists, self.collector.broken, self.log)
        self.rules = []
        for item in sorted(self.collector.rules.values(), key=lambda rule: rule.index):
            if item.unknown_source:
                continue
            rule = self.rule(item, lists, macros)
            if rule is not None:
                self.rules.append(rule)
        self.macro_trees = dict(macros.resolved)
        if not self.log.errors:
            self.unused = {(word, item.name) for word, item in self.unused_items()}

    def rule(self, item: RuleItem, lists: Lists, macros: Macros) -> Rule | None:
        """The rule compiled, or None after its errors were logged."""
        context = item.context.inside("rule condition", "", item.condition.segments[0].scalar)
        try:
            text = lists.replace_names(condition_with_exceptions(item), context)
            tree = macros.resolve(parse_text(text, context), text, context)
            return self.compiled(item, text, tree, context)
        except MacroIsBrokenError:
            return None
        except RecursionError:
            self.log.error(ItemError("LOAD_ERR_COMPILE_CONDITION", TOO_DEEP, context))
            return None
        except ItemError as error:
            if item.skip_if_unknown_filter and any(part in error.message for part in _UNKNOWN_FILTER):
                self.log.warn("LOAD_UNKNOWN_FILTER", error.message, error.context, error.hint)
            else:
                self.log.error(error)
            return None

    def compiled(self, item: RuleItem, text: SourceText, tree: Node, context: Context) -> Rule:
        try:
            condition = compile_tree(tree, text.text, item.source)
        except ConditionError as error:
            raise condition_error(error, text, context) from error
        for warned in condition.warnings:
            place = context.inside("condition expression").at(*text.locate(warned.at))
            self.log.warn(warned.code, warned.message, place, warned.hint)
        if item.source == "syscall" and item.warn_evttypes and event_types(tree) is None:
            self.log.warn("LOAD_NO_EVTTYPE", _NO_EVENT_TYPE, item.context)
        output_format = self.output(item)
        line, _ = item.context.source.place(item.context.offset)
        return Rule(
            item.name,
            item.description,
            item.priority.word,
            item.priority,
            tuple(item.tags),
            item.source,
            item.enabled,
            condition,
            text.text,
            item.output.text,
            output_format,
            condition.event_names,
            condition.event_sources,
            item.context.source.name,
            line,
            tuple(exception.name for exception in item.exceptions if exception.values),
            self.lists,
        )

    def output(self, item: RuleItem) -> OutputFormat:
        """The output's format, which in alerts always prints <NA> for a missing field."""
        anchor = item.output.segments[0].scalar
        self.drop_container_info(item)
        try:
            return compile_output("*" + item.output.text.removeprefix("*"), item.source)
        except OutputError as error:
            # The star is not the author's.
            offset = max(error.offset - 1, 0) + item.output.text.startswith("*")
            place = item.context.inside("rule output", "", anchor).at(*item.output.locate(offset))
            raise ItemError("LOAD_ERR_COMPILE_OUTPUT", error.message, place, error.hint) from error

    def drop_container_info(self, item: RuleItem) -> None:
        """Falco takes this variable of old rules out of outputs, with a warning."""
        at = item.output.text.find(_CONTAINER_INFO)
        if at < 0:
            return
        self.log.warn("LOAD_DEPRECATED_ITEM", _CONTAINER_INFO_DEPRECATED, item.context)
        while at >= 0:
            item.output = item.output.replaced(at, at + len(_CONTAINER_INFO), "").stripped()
            at = item.output.text.find(_CONTAINER_INFO)

    def result(self) -> LoadResult:
        for word, item in self.unused_items():
            # Where there are errors, something that wasn't read may use what later files brought.
            if (word, item.name) in self.unused:
                message = f"{word} not referred to by any other rule/macro"
                self.log.warn(f"LOAD_UNUSED_{word.upper()}", message, item.context)
        return LoadResult(
            RuleSet(self.rules),
            tuple(self.log.errors),
            tuple(self.log.warnings),
            self.lists,
            {name: str(tree) for name, tree in self.macro_trees.items()},
            self.macro_trees,
            self.lists_in_lists,
        )

    def unused_items(self) -> Iterator[tuple[str, ListItem | MacroItem]]:
        for word, items in (("List", self.collector.lists), ("Macro", self.collector.macros)):
            for item in items.values():
                if not item.used:
                    yield word, item
