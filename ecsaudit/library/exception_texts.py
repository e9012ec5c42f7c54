"""Exceptions as Falco has them: items of a rule file, written and read back. Pure.

## ecsaudit: exception {"owner": "ana", "reason": "…", "expires_at": "2026-12-01T00:00:00Z"}
- rule: Terminal Shell in ECS Container
  exceptions:
  - name: ecsaudit_0123456789ab
    fields: [ct.user.arn, 'json.value[/requestParameters/cluster]']
    comps: ['=', in]
    values:
    - ['"arn:aws:iam::111122223333:user/ana"', ['"prod"', '"term"']]
  override: {exceptions: append}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import yaml

from ecsaudit.engine import ItemText
from ecsaudit.library.exporting import EXCEPTION_MARK
from ecsaudit.library.models import RuleException

PREFIX = "ecsaudit_"
# The name of one that isn't made yet.
DRAFT = f"{PREFIX}new"
COMPARISONS = {
    "=": "is",
    "in": "is one of",
    "startswith": "begins with",
    "endswith": "ends with",
    "contains": "contains",
    "glob": "fits the pattern",
}
KEYS = {"rule", "exceptions", "override"}
# In a condition these would end a value, or have a list's name within it replaced by the list's items.
_SPECIAL = frozenset(" \t\n\r(),=\"'\\")


@dataclass(frozen=True, slots=True)
class Term:
    """One column of an exception: a field, a comparison, and what it is compared with; several values only for `in`."""

    field: str
    comparison: str
    values: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        return {"field": self.field, "comparison": self.comparison, "values": list(self.values)}

    @classmethod
    def of(cls, data: dict[str, Any]) -> Term:
        return cls(data["field"], data["comparison"], tuple(data["values"]))


@dataclass(frozen=True, slots=True)
class Found:
    """An exception as a file tells it; `expires_at` None: it never ends."""

    name: str
    terms: tuple[Term, ...]
    owner: str
    reason: str
    expires_at: datetime | None
    why_no_expiry: str


def new_name() -> str:
    """Random, so that the exceptions of two installations never meet under one name."""
    return PREFIX + token_hex(6)


def terms_of(exception: RuleException) -> tuple[Term, ...]:
    return tuple(map(Term.of, exception.terms))


def literal(value: str) -> str:
    """The value as a quoted string of a condition that means nothing but itself, whatever stands in it."""
    return '"' + "".join(f"\\x{ord(each):02x}" if each in _SPECIAL or each < " " else each for each in value) + '"'


def unliteral(text: str) -> str:
    """What `literal` made the text of."""
    before, *escaped = text[1:-1].split("\\x")
    return before + "".join(chr(int(each[:2], 16)) + each[2:] for each in escaped)


def item(rule: str, name: str, terms: Sequence[Term]) -> str:
    """The exception as an item of a rule file."""
    values: list[Any] = []
    for term in terms:
        texts = [literal(value) for value in term.values]
        values.append(texts if term.comparison == "in" else texts[0])
    exception = {
        "name": name,
        "fields": [term.field for term in terms],
        "comps": [term.comparison for term in terms],
        "values": [values],
    }
    data = [{"rule": rule, "exceptions": [exception], "override": {"exceptions": "append"}}]
    text: str = yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=float("inf"))
    return text


def text_of(exceptions: Sequence[RuleException]) -> str:
    """The layer of a rule: its exceptions in force, each below what Falco doesn't know of it."""
    return "\n".join(f"{mark(each)}\n{item(each.rule, each.name, terms_of(each))}" for each in exceptions)


def with_draft(text: str, rule: str, terms: Sequence[Term]) -> str:
    """A rule's layer with one exception more, which isn't made yet."""
    return "\n".join(each for each in (text, item(rule, DRAFT, terms)) if each)


def mark(exception: RuleException) -> str:
    expires_at = exception.expires_at and exception.expires_at.astimezone(UTC).isoformat()
    said = {
        "owner": exception.owner,
        "reason": exception.reason,
        "expires_at": expires_at,
        "why_no_expiry": exception.why_no_expiry,
    }
    # ASCII, so that no line break of any kind gets out of the comment.
    return EXCEPTION_MARK + json.dumps(said)


def names_in(each: ItemText) -> list[str]:
    """The names of the exceptions of an item that adds nothing but such as ecsaudit makes; else none."""
    if each.kind != "rule" or each.keys != KEYS or each.overrides != {"exceptions": "append"}:
        return []
    try:
        names = [str(exception["name"]) for exception in yaml.safe_load(each.text)[0]["exceptions"]]
    except (yaml.YAMLError, LookupError, TypeError, ValueError):
        # The engine tells it better, at its place.
        return []
    return names if names and all(name.startswith(PREFIX) for name in names) else []


def found_in(each: ItemText) -> Found | None:
    """The exception that an item of `text_of` holds; None for one that somebody wrote or changed beyond that form."""
    said = next((line for line in each.text.split("\n") if line.startswith(EXCEPTION_MARK)), "")
    try:
        about = json.loads(said.removeprefix(EXCEPTION_MARK))
        (exception,) = yaml.safe_load(each.text)[0]["exceptions"]
        (row,) = exception["values"]
        columns = list(zip(exception["fields"], exception["comps"], row, strict=True))
        terms = tuple(
            Term(field, comparison, tuple(map(unliteral, value if isinstance(value, list) else [value])))
            for field, comparison, value in columns
        )
        expires_at = about["expires_at"] and datetime.fromisoformat(about["expires_at"])
        if expires_at is not None and expires_at.tzinfo is None:
            return None
        told = (str(about[key]).strip() for key in ("owner", "reason", "why_no_expiry"))
        owner, reason, why = told
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError):
        return None
    # Only what comes out the same is what ecsaudit wrote.
    if yaml.safe_load(item(each.name, str(exception["name"]), terms)) != yaml.safe_load(each.text):
        return None
    return Found(str(exception["name"]), terms, owner[:150], reason[:500], expires_at, why[:500])
