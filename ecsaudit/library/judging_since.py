"""Since when each rule judges. Events that were stored before then were never shown to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, TextField, Value, When
from django.db.models.functions import Substr

from ecsaudit.library.models import Kind, Layer, Mode, RuleSet, Version
from ecsaudit.library.texts import items_of

# Layers whose text makes a rule; the others only change one.
MAKING = (Layer.SHIPPED, Layer.OWN)
ENABLED = re.compile(r"enabled\s*:\s*[\"']?(\w+)")


@dataclass(frozen=True, slots=True)
class Change:
    """A version of a rule as far as it matters here: `word` is the beginning of its text, a Mode where it is a switch.

    `enabled` is what the text says of that, None where it says nothing.
    """

    rule: str
    layer: str
    word: str
    at: datetime
    enabled: bool | None = None


def judging_since() -> dict[str, datetime]:
    """The moment since which each rule that judges now does so; those that do since the first rule set are left out.

    Two queries.
    """
    first = RuleSet.objects.order_by("pk").values_list("created_at", flat=True).first()
    if first is None:
        return {}
    # Few texts speak of it, so few are fetched.
    speaking = Case(When(text__contains="enabled", then="text"), default=Value(""), output_field=TextField())
    rows = Version.objects.filter(kind=Kind.RULE).annotate(word=Substr("text", 1, 8), speaking=speaking).order_by("pk")
    changes = (
        Change(name, layer, word, at, enabled_in(text) if text else None)
        for name, layer, word, at, text in rows.values_list("name", "layer", "word", "created_at", "speaking")
    )
    return {rule: at for rule, at in began(changes).items() if at > first}


def enabled_in(text: str) -> bool | None:
    """Whether a text enables its rule: what the last of its items says of that."""
    said = None
    for item in items_of(text):
        found = ENABLED.match(item.parts.get("enabled", ""))
        if found is not None:
            said = found[1].lower() in ("true", "yes", "y", "on")
    return said


def began(changes: Iterable[Change]) -> dict[str, datetime]:
    """When each rule that judges began to, from all changes of the library, oldest first. Pure."""
    by_rule: dict[str, list[Change]] = {}
    for change in changes:
        by_rule.setdefault(change.rule, []).append(change)
    found = {rule: began_one(each) for rule, each in by_rule.items()}
    return {rule: at for rule, at in found.items() if at is not None}


def began_one(changes: Iterable[Change]) -> datetime | None:
    """None for a rule that does not judge."""
    texts: dict[str, Change] = {}
    switched: Mode | None = None
    since: datetime | None = None
    for change in changes:
        if change.layer == Layer.SWITCH:
            switched = Mode(change.word) if change.word in Mode.values else switched
        elif change.word:
            texts[change.layer] = change
        else:
            texts.pop(change.layer, None)
        judges = is_made(texts) and (switched == Mode.ON if switched else is_enabled(texts))
        since = (since or change.at) if judges else None
    return since


def is_made(texts: Mapping[str, Change]) -> bool:
    return any(layer in texts for layer in MAKING)


def is_enabled(texts: Mapping[str, Change]) -> bool:
    """What the last of the layers says that says anything; a rule is enabled where nothing is said."""
    said = [texts[layer].enabled for layer in (*MAKING, Layer.OVERLAY) if layer in texts]
    return next((each for each in reversed(said) if each is not None), True)
