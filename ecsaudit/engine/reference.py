"""What conditions are written with, for editors: every operator, transformer and field in words."""

from __future__ import annotations

from collections.abc import Mapping

from . import item_reader
from .fields import CLOUDTRAIL_SOURCES, Argument, FieldDefinition, FieldType, fields_for

# Every key that an item of a rule file may have.
KEYS = sorted(set().union(*item_reader.KEYS.values()))
# Word → what it does, and an example. Operators on bytes are left out: no field of CloudTrail's holds bytes.
OPERATOR_WORDS: Mapping[str, tuple[str, str]] = {
    "and": ("both hold", "ct.name = ExecuteCommand and not ct.error exists"),
    "or": ("one of them holds", "ct.user = alice or ct.user = bob"),
    "not": ("it does not hold", "not ct.error exists"),
    "exists": ("the record has the field", "ct.error exists"),
    "=": ("is the same; == too", "ct.name = ExecuteCommand"),
    "==": ("is the same", "ct.name == ExecuteCommand"),
    "!=": ("is another; a missing field is never another", "ct.region != eu-west-1"),
    "<": ("is less; texts are compared letter by letter", "len(ecs.command) < 20"),
    "<=": ("is less or the same", "len(ecs.command) <= 20"),
    ">": ("is more", "len(ecs.command) > 200"),
    ">=": ("is more or the same", "len(ecs.command) >= 200"),
    "contains": ("has the text in it", "ecs.command contains curl"),
    "icontains": ("has the text in it, whatever the case", "ct.useragent icontains boto3"),
    "startswith": ("begins with the text", "ecs.command startswith /bin/"),
    "endswith": ("ends with the text", "ecs.cluster endswith -prod"),
    "glob": ("fits the pattern: * any text, ? one character", "ecs.cluster glob '*prod*'"),
    "iglob": ("fits the pattern, whatever the case", "ecs.cluster iglob '*prod*'"),
    "regex": ("the whole value fits the regular expression (RE2)", "ecs.command regex '.*(curl|wget).*'"),
    "in": ("is one of the values; of a list, all its values are", "ct.user in (alice, bob)"),
    "intersects": ("some value of the list is one of the values", "ec2.imageids intersects (ami-1, ami-2)"),
    "pmatch": ("one of the values is the path or a folder above it", "ecs.command pmatch (/bin, /usr/bin)"),
    "oneof": ("behind an operator: exactly one of the values fits", "ecs.command startswith oneof (/bin/, /usr/)"),
    "anyof": ("behind an operator: some of the values fit", "ecs.command contains anyof (curl, wget)"),
    "allof": ("behind an operator: all of the values fit", "ecs.command contains allof (curl, http:)"),
}
TRANSFORMER_WORDS: Mapping[str, tuple[str, str]] = {
    "val": ("the value of another field, to compare with", "ct.user = val(ct.user.accountid)"),
    "tolower": ("in small letters", "tolower(ct.useragent) contains boto3"),
    "toupper": ("in capital letters", "toupper(ct.region) = EU-WEST-1"),
    "b64": ("decoded from Base64", "b64(ecs.command) contains curl"),
    "basename": ("what stands behind the last slash", "basename(ecs.command) in (sh, bash)"),
    "len": ("how long it is", "len(ecs.command) > 200"),
    "join": ("several values, put together with a text between", 'join(":", (ct.user, ct.region)) = a:b'),
    "concat": ("several values, put together", "concat(ct.user, ct.region) = ab"),
    "getopt": (
        "the options in a list of words, and what stands behind them",
        'getopt(ec2.imageids, "c:") intersects (c)',
    ),
}


def field_reference(source: str = CLOUDTRAIL_SOURCES[0]) -> list[FieldDefinition]:
    """The fields that rules of a source can name."""
    return list(fields_for(source).values())


def signature(field: FieldDefinition) -> str:
    """How the field is written: ct.user, ct.resources[…], json.value[/a/b]."""
    if field.argument is Argument.POINTER:
        return f"{field.name}[/…]"
    return f"{field.name}[0]" if field.argument is Argument.INDEX else field.name


def type_word(field: FieldDefinition) -> str:
    """text, number, time or true/false, or a list of one."""
    words = {
        FieldType.TEXT: "text",
        FieldType.NUMBER: "number",
        FieldType.TIME: "time",
        FieldType.BOOL: "true or false",
    }
    return f"list of {words[field.type]}" if field.is_list else words[field.type]
