"""The Falco rules engine: conditions, rule files, outputs, for CloudTrail records. The names below are the front door."""

from .compiler import Condition, compile_condition
from .errors import ConditionError, EngineError, OutputError, Problem, RecordError
from .extraction import extract
from .items import Priority
from .loader import LoadResult, load_rules
from .nodes import Node
from .output import format_output
from .parser import parse_condition
from .ruleset import Match, Rule, RuleSet

__all__ = [
    "Condition",
    "ConditionError",
    "EngineError",
    "LoadResult",
    "Match",
    "Node",
    "OutputError",
    "Priority",
    "Problem",
    "RecordError",
    "Rule",
    "RuleSet",
    "compile_condition",
    "extract",
    "format_output",
    "load_rules",
    "parse_condition",
]
