"""Since when each rule judges. Events that were stored before then were never shown to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Substr

from ecsaudit.library.models import Kind, Layer, Mode, RuleSet, Version

# Layers whose text makes a rule; the others only change one.
MAKING = (Layer.SHIPPED, Layer.OWN)


@dataclass(frozen=True, slots=True)
class Change:
    """A version of a rule as far as it matters here: `word` is the beginning of its text, a Mode where it is a switch."""

    rule: str
    layer: str
    word: str
    at: datetime


def judging_since(enabled: Mapping[str, bool]) -> dict[str, datetime]:
    """The moment since which each rule that judges now does so; those that do since the first rule set are left out.

    `enabled` says of each rule whether its text has it enabled. Two queries.
    """
    first = RuleSet.objects.order_by("pk").values_list("created_at", flat=True).first()
    if first is None:
        return {}
    rows = Version.objects.filter(kind=Kind.RULE).annotate(word=Substr("text", 1, 8)).order_by("pk")
    changes = (Change(*row) for row in rows.values_list("name", "layer", "word", "created_at"))
    return {rule: at for rule, at in began(changes, enabled).items() if at > first}


def began(changes: Iterable[Change], enabled: Mapping[str, bool]) -> dict[str, datetime]:
    """When each rule that judges began to, from all changes of the library, oldest first. Pure."""
    by_rule: dict[str, list[Change]] = {}
    for change in changes:
        by_rule.setdefault(change.rule, []).append(change)
    found = {rule: began_one(by_rule.get(rule, []), is_enabled) for rule, is_enabled in enabled.items()}
    return {rule: at for rule, at in found.items() if at is not None}


def began_one(changes: Iterable[Change], is_enabled: bool) -> datetime | None:
    """None for a rule that does not judge."""
    present: set[str] = set()
    mode = Mode.ON if is_enabled else Mode.OFF
    since: datetime | None = None
    for change in changes:
        if change.layer in MAKING:
            (present.add if change.word else present.discard)(change.layer)
        elif change.layer == Layer.SWITCH and change.word in Mode.values:
            mode = Mode(change.word)
        judges = bool(present) and mode == Mode.ON
        since = (since or change.at) if judges else None
    return since
