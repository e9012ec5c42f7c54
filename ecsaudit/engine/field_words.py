"""What fields, pointers and transformers are called in a sentence: the caller's ARN, the request parameter command."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .fields import ALL_FIELDS, FieldDefinition
from .nodes import Field, ListValue, Operand, Transformer, TransformerList, Value

# For fields whose description in the table is no name for them.
_NAMES: Mapping[str, str] = {
    "ct.time": "the time of the event",
    "ct.request.documentname": "the request parameter documentName (never there)",
    "ct.info": "the line on who did what",
    "ct.managementevent": "the mark of a management event",
    "ct.readonly": "the mark of a call that only reads",
    "ct.serviceeventdetails": "the service event details",
    "ct.addendum.reason": "the reason why the event was sent again",
    "ct.addendum.updatedfields": "the fields that were updated afterwards",
    "ct.sessioncredentialfromconsole": "the mark of a session from the console",
    "ct.edgedevicedetails": "the edge device details",
    "ct.additionaleventdata": "the additional event data",
    "s3.bytes": "the number of bytes received and sent",
    "s3.bytes.in": "the number of bytes received",
    "s3.bytes.out": "the number of bytes sent",
    "s3.cnt.get": "the count of GetObject calls",
    "s3.cnt.put": "the count of PutObject calls",
    "s3.cnt.other": "the count of calls besides GetObject and PutObject",
    "ec2.imageid": "the image id of the EC2 call",
    "ecs.interactive": "the mark of a call that asks for a terminal",
    "evt.datetime": "the date and time of the event",
    "evt.datetime.s": "the date and time of the event without fractions",
    "evt.asynctype": "the type of an asynchronous event (never there)",
    "evt.is_async": "the mark of an asynchronous event",
    "evt.time.s": "the time of the event without fractions",
    "evt.time.iso8601": "the time of the event in ISO 8601 form",
}
# What a mark says when it is true, and when it is false.
FLAGS: Mapping[str, tuple[str, str]] = {
    "ct.managementevent": ("it is a management event", "it is no management event"),
    "ct.readonly": ("the call only reads", "the call does more than read"),
    "ct.sessioncredentialfromconsole": ("the session began in the console", "the session did not begin in the console"),
    "ecs.interactive": ("a terminal is asked for", "no terminal is asked for"),
}
# Members of a record that are fields of the table as well.
_MEMBERS: Mapping[str, str] = {
    "eventName": "the event's name",
    "eventSource": "the service",
    "eventTime": "the time of the event",
    "errorCode": "the error code",
    "awsRegion": "the Region of the call",
    "sourceIPAddress": "the caller's address",
    "userAgent": "the client that made the call",
}
# The parts of a record by the first member of a pointer.
_PARTS: Mapping[str, str] = {
    "requestParameters": "the request parameter",
    "responseElements": "the response element",
    "userIdentity": "the caller's",
    "additionalEventData": "the additional event data's",
    "tlsDetails": "the TLS details'",
}


def field_words(field: Field) -> str:
    """A field by its name in a sentence."""
    if field.name in ("json.value", "jevt.value"):
        return pointer_words(field.argument or "")
    words = definition_words(ALL_FIELDS[field.name])
    return words if field.argument is None else f"value {field.argument} (from 0) of {words}"


def definition_words(definition: FieldDefinition) -> str:
    """A field of the table: our name for it, else its description up to the first comma."""
    if definition.name in _NAMES:
        return _NAMES[definition.name]
    words = re.split(r"[,;:]", definition.description)[0]
    return words[0].lower() + words[1:]


def pointer_words(pointer: str) -> str:
    """A JSON pointer: `/requestParameters/command` is the request parameter command."""
    if not pointer:
        return "the whole record"
    first, *rest = [part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/")]
    if rest and first in _PARTS:
        return f"{_PARTS[first]} {' › '.join(rest)}"
    if not rest and first in _MEMBERS:
        return _MEMBERS[first]
    return f"the record's {' › '.join((first, *rest))}"


def operand_words(operand: Operand | ListValue) -> str:
    """A side of a comparison: a field, a transformer, or constants in quotes."""
    match operand:
        case Field():
            return field_words(operand)
        case Value():
            return quoted(operand.text)
        case ListValue():
            return ", ".join(map(quoted, operand.texts))
        case TransformerList():
            return ", ".join(map(operand_words, operand.children))
        case Transformer():
            return TRANSFORMER_WORDS[operand.name](operand)


def _all_but_first(transformer: Transformer) -> str:
    return ", ".join(map(operand_words, transformer.arguments[1:]))


def _option(transformer: Transformer) -> str:
    options = _all_but_first(transformer)
    asked = f"the option {quoted(transformer.argument)}" if transformer.argument is not None else "the options"
    return f"{asked} (as in {options}) among {operand_words(transformer.arguments[0])}"


def _around(before: str, after: str = "") -> Callable[[Transformer], str]:
    return lambda transformer: f"{before}{operand_words(transformer.arguments[0])}{after}"


TRANSFORMER_WORDS: Mapping[str, Callable[[Transformer], str]] = {
    "val": _around(""),
    "tolower": _around("", " in small letters"),
    "toupper": _around("", " in capital letters"),
    "b64": _around("", " decoded from base64"),
    "basename": _around("the part after the last “/” of "),
    "len": _around("the length of "),
    "join": lambda transformer: f"{_all_but_first(transformer)} joined with {operand_words(transformer.arguments[0])}",
    "concat": lambda transformer: " followed by ".join(map(operand_words, transformer.arguments)),
    "getopt": _option,
}


def quoted(text: str) -> str:
    return f"“{text}”"
