"""The fields that rules can name: their types, whether they take an argument, and how a record yields them.

`Field` in `nodes` is what stands in a rule; here `FieldDefinition` is the entry in the table, `Extractor` reads one
value from a record (None: missing). Text, unless the type says otherwise.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from . import cloudtrail_table as ct
from . import ecs_fields as ecs
from . import event_fields as evt
from .cloudtrail_fields import image_ids_extractor
from .errors import ConditionError
from .pointer import compile_pointer, whole_document
from .record import Record

FieldValue = str | int | bool | list[str]
Extractor = Callable[[Record], Any]

CLOUDTRAIL_SOURCES = ("aws_cloudtrail", "awscloudtrail")


class FieldType(StrEnum):
    """Types by the names that Falco's messages use."""

    TEXT = "CHARBUF"
    NUMBER = "UINT64"
    TIME = "ABSTIME"
    BOOL = "BOOL"


class Argument(StrEnum):
    """What may stand in brackets after a field."""

    NONE = "none"
    POINTER = "JSON pointer"
    INDEX = "index (optional)"


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """One row of the table; `extractor` makes the reader for an argument (None without one).

    `values` are all that the field can have besides being missing, where they are few.
    """

    name: str
    description: str
    extractor: Callable[[str | None], Extractor]
    type: FieldType = FieldType.TEXT
    is_list: bool = False
    argument: Argument = Argument.NONE
    values: frozenset[Any] | None = None


_FLAG = frozenset(("true", "false"))
_VALUES: Mapping[str, frozenset[Any]] = {
    "ct.readonly": _FLAG,
    "ct.managementevent": _FLAG,
    "ct.sessioncredentialfromconsole": _FLAG,
    "ecs.interactive": _FLAG,
    "evt.is_async": frozenset((False,)),
    "ct.request.documentname": frozenset(),
    "evt.asynctype": frozenset(),
}


def _plain(name: str, description: str, read: Extractor, type_: FieldType = FieldType.TEXT) -> FieldDefinition:
    return FieldDefinition(name, description, lambda argument: read, type_, values=_VALUES.get(name))


def _json_fields(family: str) -> list[FieldDefinition]:
    return [
        FieldDefinition(
            f"{family}.value",
            "The value at a JSON pointer of the record, as text",
            lambda argument: compile_pointer(argument or ""),
            argument=Argument.POINTER,
        ),
        _plain(f"{family}.obj", "The whole record, indented with two blanks", whole_document),
        _plain(f"{family}.rawtime", "The time of the event in nanoseconds since 1970, as text", evt.raw_time_text),
    ]


def _cloudtrail_table() -> list[FieldDefinition]:
    table = [_plain(name, description, read) for name, description, read in (*ct.TEXT_FIELDS, *ecs.TEXT_FIELDS)]
    table += [_plain(name, description, read, FieldType.NUMBER) for name, description, read in ct.NUMBER_FIELDS]
    table.append(
        FieldDefinition(
            "ec2.imageids",
            "The image ids of an EC2 call",
            image_ids_extractor,
            is_list=True,
            argument=Argument.INDEX,
        )
    )
    return table


def _event_table() -> list[FieldDefinition]:
    table = [_plain(name, description, read) for name, description, read in evt.TEXT_FIELDS]
    table.append(_plain("evt.num", "The number of the event, from 1", evt.number, FieldType.NUMBER))
    table += [_plain(name, description, read, FieldType.TIME) for name, description, read in evt.TIME_FIELDS]
    table.append(_plain("evt.is_async", "Always false for CloudTrail", evt.is_async, FieldType.BOOL))
    return table


def _by_name(table: list[FieldDefinition]) -> Mapping[str, FieldDefinition]:
    return {definition.name: definition for definition in table}


EVENT_FIELDS = _by_name(_event_table())
ALL_FIELDS = _by_name(_event_table() + _cloudtrail_table() + _json_fields("json") + _json_fields("jevt"))


def fields_for(source: str) -> Mapping[str, FieldDefinition]:
    """The fields that rules of this source can use."""
    return ALL_FIELDS if source in CLOUDTRAIL_SOURCES else EVENT_FIELDS


def find_field(name: str, argument: str | None, source: str) -> FieldDefinition:
    """The definition of a field; ConditionError (without a place) if it is unknown or its argument is wrong."""
    definition = fields_for(source).get(name)
    written = name if argument is None else f"{name}[{argument}]"
    if definition is None:
        raise ConditionError(f"filter_check called with nonexistent field {written}", hint=_hint(name, source))
    if definition.argument is Argument.NONE and argument is not None:
        raise ConditionError(
            f"filter '{written}': {name} does not allow nor require an argument but one is provided: {argument}"
        )
    if definition.argument is Argument.POINTER and argument is None:
        raise ConditionError(
            f"filter '{name}': {name} requires an argument but none provided",
            hint=f"write {name}[/path/to/member]",
        )
    if definition.argument is Argument.INDEX and argument is not None:
        _check_index(argument, written)
    return definition


def _check_index(argument: str, written: str) -> None:
    digits = argument.isascii() and argument.isdigit()
    if not digits or (argument != "0" and argument.startswith("0")) or len(argument) > 9:
        raise ConditionError(f"filter '{written}': the argument must be an index: digits without a leading zero")


# What CloudTrail calls the fields that Falco calls otherwise.
_CLOUDTRAIL_NAMES = {
    "eventid": "ct.id",
    "errorcode": "ct.error",
    "eventtime": "ct.time",
    "eventsource": "ct.src",
    "eventname": "ct.name",
    "awsregion": "ct.region",
    "sourceipaddress": "ct.srcip",
    "responseelements": "ct.response",
    "requestparameters": "ct.request",
    "useridentity.arn": "ct.user.arn",
    "useridentity.type": "ct.user.identitytype",
    "useridentity.username": "ct.user",
    "useridentity.accountid": "ct.user.accountid",
}


def _hint(name: str, source: str) -> str:
    if name in ALL_FIELDS and source not in CLOUDTRAIL_SOURCES:
        return "rules for CloudTrail need 'source: aws_cloudtrail'"
    known = _CLOUDTRAIL_NAMES.get(name.removeprefix("ct.").lower())
    if known is not None and source in CLOUDTRAIL_SOURCES:
        return f"did you mean '{known}'?"
    close = difflib.get_close_matches(name[:80], fields_for(source), n=1, cutoff=0.75)
    return f"did you mean '{close[0]}'?" if close else ""
