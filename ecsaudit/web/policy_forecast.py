"""What the editor's right rail and a policy's page say of the last 30 days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ecsaudit import engine
from ecsaudit.findings.models import Finding
from ecsaudit.library.effective import Effective
from ecsaudit.notifications.models import Channel
from ecsaudit.policies.coverage import coverage
from ecsaudit.policies.forecast import Forecast, forecast
from ecsaudit.policies.in_force import policies
from ecsaudit.policies.patterns import Pattern
from ecsaudit.policies.preview import DAYS, Covered, Recent, covered, recent_findings
from ecsaudit.policies.terms import Terms
from ecsaudit.web.rule_list import item_address

RULES_NAMED = 8


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """What would have come to one channel."""

    name: str
    is_off: bool
    messages: int
    findings: int
    before: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that templates/policies/_forecast.html tells."""

    forecast: Forecast
    recent: Recent
    covered: Covered
    lines: Sequence[ChannelLine]
    rules: Sequence[engine.Rule]
    all_rules: int
    unknown_rules: Sequence[str]
    caught: Sequence[Finding]
    days: int = DAYS

    @property
    def named_rules(self) -> list[tuple[str, str]]:
        return [(rule.name, item_address("rule", rule.name)) for rule in self.rules[:RULES_NAMED]]

    @property
    def more_rules(self) -> int:
        return max(len(self.rules) - RULES_NAMED, 0)

    @property
    def more_caught(self) -> int:
        return self.forecast.findings - len(self.caught)


def shown(policy: Terms, effective: Effective | None, now: datetime, *, caught: int = 5) -> Shown:
    """Six queries, however much is stored: sessions, findings, policies in force, channels, the newest caught, and roles
    where the policy asks for them."""
    every = policies.current()
    place = next((number for number, one in enumerate(every) if one.pk == policy.pk), len(every))
    earlier = every[:place]
    with_roles = any("role" in one.scope for one in (policy, *earlier))
    recent = recent_findings(now, with_roles=with_roles)
    found = forecast(policy, earlier, recent.findings)
    rules = coverage.rules(policy.selection, effective) if effective else ()
    return Shown(
        found,
        recent,
        covered(policy, now),
        channel_lines(policy, found),
        rules,
        len(effective.rules) if effective else 0,
        unknown(policy.selection.rules.included, effective),
        newest(found, caught),
    )


def channel_lines(policy: Terms, found: Forecast) -> list[ChannelLine]:
    if not policy.channels:
        return []
    channels = Channel.objects.filter(pk__in=policy.channels).values_list("pk", "name", "enabled").order_by("name")
    return [
        ChannelLine(name, not enabled, found.messages[pk], found.told[pk], found.before[pk])
        for pk, name, enabled in channels
    ]


def unknown(names: Sequence[Pattern], effective: Effective | None) -> list[str]:
    """What is picked by name and names no rule in force: mistyped, or gone."""
    folded = [rule.name.casefold() for rule in effective.rules] if effective else []
    return [each.text for each in names if not any(map(each.matches, folded))] if effective else []


def newest(found: Forecast, limit: int) -> list[Finding]:
    """The newest findings that were caught, in their order."""
    ids = [facts.pk for facts in found.caught[:limit]]
    rows: dict[int, Any] = Finding.objects.select_related("session").in_bulk(ids) if ids else {}
    return [rows[pk] for pk in ids if pk in rows]
