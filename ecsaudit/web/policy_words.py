"""Policies in words, for lists, pages and histories. The parts quote names that anybody wrote; templates make them visible."""

from __future__ import annotations

from typing import Any

from ecsaudit.findings.models import Priority
from ecsaudit.findings.severity import Severity
from ecsaudit.policies.decide import control_in_words
from ecsaudit.policies.hours import days_in_words
from ecsaudit.policies.models import FIELDS, HoursMode, PolicyVersion
from ecsaudit.policies.terms import SCOPE, Grouping, Selection, Terms

# Of a long list, a sentence names this many.
NAMED = 4


def rules_in_words(selection: Selection) -> str:
    """`Rules of PCI DSS, priority Warning or worse, without “Noise*”`."""
    picks = [
        *(f"“{each.text}”" for each in selection.rules.included),
        *(f"tag {each.text}" for each in selection.tags.included),
        *(control_in_words(key) for key in sorted(selection.controls)),
    ]
    words = f"Rules of {named(picks)}" if picks else "All rules"
    if selection.priority is not None:
        words += f", priority {Priority(selection.priority).label} or worse"
    without = [each.text for each in (*selection.rules.excluded, *selection.tags.excluded)]
    return f"{words}, without {named(without)}" if without else words


def scope_in_words(policy: Terms) -> str:
    """`Region eu-*, cluster prod-*, not prod-test; outside Mon–Fri 08:00–18:00 UTC`; `Everywhere` for no limit."""
    parts = [f"{word} {policy.scope[name]}" for name, word in SCOPE.items() if name in policy.scope]
    if policy.hours is not None:
        parts.append(str(policy.hours))
    words = "; ".join(parts)
    return words[0].upper() + words[1:] if words else "Everywhere, at all times"


def throttle_in_words(policy: Terms) -> str:
    """`One message in 15 min for findings of the same rule`."""
    if policy.grouping == Grouping.FINDING or not policy.throttle:
        return "A message for each finding"
    minutes = int(policy.throttle.total_seconds()) // 60
    grouping = policy.grouping.label
    return f"At most one message in {minutes_in_words(minutes)} for {grouping[0].lower()}{grouping[1:]}"


def minutes_in_words(minutes: int) -> str:
    """`15 min`, `2 h`, `1 h 30 min`."""
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )


def severity_in_words(policy: Terms) -> str:
    return f"{Severity(policy.severity).label}, fixed" if policy.severity else "As the rule's priority says"


def named(words: list[str]) -> str:
    more = len(words) - NAMED
    return ", ".join(words[:NAMED]) + (f" and {more} more" if more > 0 else "")


def lines_of(version: PolicyVersion) -> list[str]:
    """What a version changed, a line a field: `throttle: 15 → 30`. Of one that was created or deleted, what it was."""
    if not version.before or not version.after:
        whole = version.before or version.after
        said = [name for name in FIELDS if not (name.startswith("hours_") and whole.get("hours") == HoursMode.ALWAYS)]
        return [f"{FIELDS[name]}: {words}" for name in said if (words := value_in_words(name, whole.get(name)))]
    return [
        f"{FIELDS[name]}: {value_in_words(name, version.before[name]) or 'nothing'} → "
        f"{value_in_words(name, version.after[name]) or 'nothing'}"
        for name in FIELDS
        if name in version.after
    ]


def value_in_words(name: str, value: Any) -> str:
    """A field's value as its version keeps it; empty for none."""
    if name == "enabled":
        return "on" if value else "off"
    if name == "hours_days":
        return days_in_words(value) if value else ""
    if name == "priority":
        return f"{Priority(value).label} or worse" if value is not None else ""
    if name == "controls":
        return ", ".join(map(control_in_words, value))
    if name == "scope":
        return "; ".join(f"{SCOPE[key]} {', '.join(lines)}" for key, lines in value.items())
    if name == "throttle_minutes":
        return minutes_in_words(value)
    for field, words in (("hours", HoursMode), ("severity", Severity), ("grouping", Grouping)):
        if name == field:
            return str(words(value).label) if value else ""
    return ", ".join(value) if isinstance(value, list) else str(value or "")
