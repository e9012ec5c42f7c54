"""The Falco rules engine for CloudTrail records. What stands in `__all__` is the front door; the rest may change.

    loaded = load_rules([("rules.yaml", text)])     # every problem in loaded.errors and loaded.warnings
    for match in loaded.rule_set.evaluate(record):  # every enabled rule that matches, in definition order
        print(match.priority, match.rule, match.output)

From text to match:

    reader          YAML text → nodes with their places           source_text  texts that know their places
    item_texts      the items as they are written, for editors; reference has all that conditions are written with
    item_reader     nodes → items (items, values, overrides, exceptions, versions)
    collector       items of all files → the lists, macros and rules that result
    lists           list names → items, in the text               resolver     macros, in the tree
    scanner, operand_parser, parser                               condition text → tree (nodes, words)
    hints           what an author probably meant, where a condition stops making sense
    compiler        tree → tests of a record (checks, operators, patterns, transformers, fields, pointer, *_fields)
    references      tree → the macros and lists that it names
    needs           tree → the event names that a match requires
    contradictions  conditions that no record can meet
    output          output text → printer
    record          CloudTrail text → values, as they are asked for (json_text where every character counts)
    dispatch        which rules a record has to be asked          rules        a rule, and its matches
    explain         why a rule matches a record, or not           explanation_text  the same as lines
    plain_words     a condition in plain words                    field_words     what fields are called there
    loader, ruleset, extraction                                   the whole: for files, for records, for one field

Errors: see `errors`.
"""

from . import reference
from .compiler import Condition, compile_condition
from .errors import ConditionError, EngineError, OutputError, Problem, RecordError
from .explain import Explanation, Kind, excepted_by, explain
from .explanation_text import explanation_lines
from .extraction import extract
from .item_texts import ItemText, item_texts, renamed
from .items import Priority
from .loader import LoadResult, load_rules
from .nodes import Node
from .output import format_output
from .parser import parse_condition
from .plain_words import PlainWords, Sense, plain_lines, plain_words
from .reader import ReadingError
from .references import references
from .rules import Match, Rule
from .ruleset import RuleSet

__all__ = [
    "Condition",
    "ConditionError",
    "EngineError",
    "Explanation",
    "ItemText",
    "Kind",
    "LoadResult",
    "Match",
    "Node",
    "OutputError",
    "PlainWords",
    "Priority",
    "Problem",
    "ReadingError",
    "RecordError",
    "Rule",
    "RuleSet",
    "Sense",
    "compile_condition",
    "excepted_by",
    "explain",
    "explanation_lines",
    "extract",
    "format_output",
    "item_texts",
    "load_rules",
    "parse_condition",
    "plain_lines",
    "plain_words",
    "reference",
    "references",
    "renamed",
]
