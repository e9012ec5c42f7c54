"""One field of one record, for those who want no condition."""

from __future__ import annotations

from typing import Any

from .compiler import Compiler
from .errors import ConditionError
from .nodes import Field, Transformer
from .parser import Parser
from .record import Record, RecordInput
from .scanner import FIELD_NAME


def extract(field: str, record: RecordInput, number: int = 1, source: str = "aws_cloudtrail") -> Any:
    """The value of a field or transformer: text, int, bool or a list of texts; None if it is missing.

    Between `name[` and a final `]` any text is taken as the argument, also one that a condition would have to quote.
    Raises ConditionError for what isn't a field.
    """
    operand = Compiler(field, source).operand(_read_field(field))
    subject = Record(record, number, source)
    return operand.read(subject)


def _read_field(text: str) -> Field | Transformer:
    parser = Parser(text)
    try:
        node = parser.transformer() or parser.field()
    except ConditionError:
        name, bracket, rest = text.partition("[")
        if not bracket or not rest.endswith("]") or not FIELD_NAME.fullmatch(name):
            raise
        return Field(name, rest[:-1], 0)
    if node is None or parser.scanner.at != len(text):
        raise parser.scanner.error(f"'{text}' is not a field")
    return node
