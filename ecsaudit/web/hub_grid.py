"""How Security Hub stands in each account and Region, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from ecsaudit.securityhub.models import COUNTED, HubRegion, HubState
from ecsaudit.securityhub.permissions import Verdict
from ecsaudit.visible import shortened
from ecsaudit.web.exports import attribute
from ecsaudit.web.health import ago

OFF = "off"
GLYPHS = {
    HubState.WAITING.value: "✓",
    HubState.SENDING.value: "↻",
    HubState.THROTTLED.value: "…",
    HubState.FAILING.value: "!",
    HubState.DENIED.value: "✕",
    HubState.NOT_ENABLED.value: "✕",
    OFF: "‖",
}
WORDS = dict(HubState.choices) | {OFF: "Switched off"}
BROKEN = (HubState.FAILING.value, HubState.DENIED.value, HubState.NOT_ENABLED.value)
VERDICTS = {Verdict.ALLOWED.value: "✓", Verdict.MISSING.value: "✕", Verdict.UNKNOWN.value: "?"}
DESCRIBE = "securityhub:DescribeHub"


@dataclass(frozen=True, slots=True)
class Tried:
    """A permission as the last test found it."""

    name: str
    verdict: str
    word: str
    glyph: str
    text: str


@dataclass(frozen=True, slots=True)
class HubRow:
    """An account and Region with what the grid shows beside its columns."""

    hub: HubRegion
    name: str
    state: str
    word: str
    glyph: str
    in_aws: str
    last_import: str
    last_read: str
    waiting: str
    failed: str
    drifted: str
    findings_address: str
    tested: str
    permissions: tuple[Tried, ...]

    @property
    def is_broken(self) -> bool:
        return self.state in BROKEN


EXPORT = (
    attribute("account", "hub.account.account_id"),
    attribute("account_alias", "hub.account.alias"),
    attribute("region", "hub.region"),
    attribute("enabled", "hub.enabled"),
    attribute("state"),
    *(attribute(name, f"hub.{name}") for name in ("error_code", "error_message", "last_import_at", "last_read_at")),
    attribute("imports", "hub.imported"),
    *map(attribute, ("waiting", "failed", "drifted")),
    attribute("throttles", "hub.throttles"),
)


def rows(hubs: Iterable[HubRegion], now: datetime) -> list[HubRow]:
    """`hubs` as for_grid() gives them."""
    return [row_of(hub, now) for hub in hubs]


def row_of(hub: Any, now: datetime) -> HubRow:
    state = hub.state if hub.enabled else OFF
    permissions = tuple(map(tried, hub.test_result))
    address = urlencode({"account": hub.account.account_id, "region": hub.region, "days": 90})
    return HubRow(
        hub=hub,
        name=shortened(f"{hub.account} {hub.region}", 80),
        state=state,
        word=WORDS[state],
        glyph=GLYPHS[state],
        in_aws=in_aws(hub, permissions),
        last_import=ago(now, hub.last_import_at) or "never",
        last_read=ago(now, hub.last_read_at) or "never",
        waiting=counted(hub.waiting_count) if hub.enabled else "–",
        failed=counted(hub.failed_count),
        drifted=counted(hub.drift_count),
        findings_address=f"{reverse('findings')}?{address}",
        tested=ago(now, hub.tested_at),
        permissions=permissions,
    )


def tried(result: dict[str, str]) -> Tried:
    verdict = result["verdict"]
    return Tried(result["name"], verdict, str(Verdict(verdict).label), VERDICTS[verdict], result["text"])


def in_aws(hub: HubRegion, permissions: Iterable[Tried]) -> str:
    """Whether Security Hub is enabled there, as far as anybody has seen."""
    if hub.state == HubState.NOT_ENABLED:
        return "no"
    described = any(each.name == DESCRIBE and each.verdict == Verdict.ALLOWED for each in permissions)
    return "yes" if described or hub.last_import_at else "not known yet"


def counted(number: int) -> str:
    return f"{number:,}+" if number >= COUNTED else f"{number:,}"


def sentence(found: Iterable[HubRow]) -> str:
    """What is wrong first, or that all is well."""
    every = list(found)
    active = [row for row in every if row.state != OFF]
    if not active:
        return "Security Hub is told nothing: it is switched off for every account and Region."
    broken = [row for row in active if row.is_broken]
    if broken:
        return f"{len(broken)} of {len(active)} account × Region pairs can't be told now."
    return f"Findings of {len(active)} of {len(every)} account × Region pairs go to Security Hub."
