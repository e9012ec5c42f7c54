"""What an exception could be made of: the fields of one record with its values, and tuples of them, narrowest first. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ecsaudit import engine

REQUEST = "json.value[/requestParameters/{}]"
# Who: the ARN, because a role's session may be called anything by whoever opens it.
PERSON = ("ct.user.arn", "ct.user")
ADDRESS = "ct.srcip"
# An ECS Exec request, from the wide to the narrow.
TARGET = tuple(map(REQUEST.format, ("cluster", "container", "command")))
LABELS = {
    "ct.user.arn": "Who, by ARN",
    "ct.user": "User or role",
    "ct.originaluser": "Name of the role's session",
    "ct.srcip": "Source address",
    "ct.useragent": "Client",
    "ct.region": "Region",
    "ct.recipientaccountid": "Account",
    "ct.name": "Event name",
    "ct.error": "Error code",
}
MOST_PARAMETERS = 30
LONGEST = 4_000
# A key that a bare argument of a field can hold.
_KEY = re.compile(r"[^\]\[\"'\s~/]+")


@dataclass(frozen=True, slots=True)
class Offered:
    """A field that the record has, what it is called, and its value there."""

    field: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Fields that could make an exception together, and what they are called."""

    fields: tuple[str, ...]
    label: str


def offered(record: str) -> list[Offered]:
    """Every field of a record that one would make an exception with, where the record has it."""
    labels = LABELS | {REQUEST.format(key): f"Request: {key}" for key in parameters(record)}
    found = []
    for field, label in labels.items():
        value = engine.extract(field, record)
        if isinstance(value, str | int) and 0 < len(str(value)) <= LONGEST:
            found.append(Offered(field, label, str(value)))
    return found


def parameters(record: str) -> list[str]:
    """The keys of the request that hold one plain value; those of an ECS Exec target first."""
    try:
        request = json.loads(record).get("requestParameters")
    except (ValueError, AttributeError):
        return []
    if not isinstance(request, dict):
        return []
    plain = [key for key, value in request.items() if isinstance(value, str | int) and _KEY.fullmatch(key)]
    known = [key for key in ("cluster", "container", "command", "task") if key in plain]
    return [*known, *(key for key in plain if key not in known)][:MOST_PARAMETERS]


def candidates(fields: Iterable[Offered]) -> list[Candidate]:
    """Tuples from all that names who, where, what and from where, down to who alone."""
    labels = {each.field: each.label for each in fields}
    who = next((field for field in PERSON if field in labels), None)
    target = [field for field in TARGET if field in labels]
    if not target:
        target = [field for field in labels if field.startswith("json.")][:2]
    chain = [*([who] if who else []), *target, *([ADDRESS] if ADDRESS in labels else [])]
    return list(narrowest_first(chain, labels))


def narrowest_first(chain: list[str], labels: dict[str, str]) -> Iterator[Candidate]:
    for length in range(len(chain), 0, -1):
        fields = tuple(chain[:length])
        yield Candidate(fields, " + ".join(short(labels[field]) for field in fields))


def short(label: str) -> str:
    return label.removeprefix("Request: ").partition(",")[0].lower()
