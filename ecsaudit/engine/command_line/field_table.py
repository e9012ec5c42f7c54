"""`fields`: what conditions and outputs can name."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..fields import CLOUDTRAIL_SOURCES, Argument, FieldDefinition, fields_for

HELP = "List the fields that conditions and outputs can name."
EXAMPLE = "ct.user"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("part", nargs="?", default="", help="only fields whose name or description contains this")
    parser.add_argument("--source", default=CLOUDTRAIL_SOURCES[0], help="the rules' source (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="as a list of objects")


def run(options: argparse.Namespace) -> int:
    part = options.part.lower()
    found = [
        definition
        for definition in fields_for(options.source).values()
        if part in definition.name or part in definition.description.lower()
    ]
    if options.json:
        print(json.dumps([_row(definition) for definition in found], indent=2))
        return 0
    width = max((len(definition.name) for definition in found), default=0)
    for definition in found:
        print(f"{definition.name:<{width}}  {_type(definition):<13}  {definition.description}{_note(definition)}")
    return 0


def _row(definition: FieldDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "type": str(definition.type),
        "list": definition.is_list,
        "argument": str(definition.argument),
        "description": definition.description,
        "falco": _is_falcos(definition),
    }


def _type(definition: FieldDefinition) -> str:
    return f"LIST({definition.type})" if definition.is_list else str(definition.type)


def _note(definition: FieldDefinition) -> str:
    notes = [] if _is_falcos(definition) else ["ecsaudit's own"]
    if definition.argument is not Argument.NONE:
        notes.append(f"argument: {definition.argument}")
    return f" ({'; '.join(notes)})" if notes else ""


def _is_falcos(definition: FieldDefinition) -> bool:
    return not definition.name.startswith("ecs.")
