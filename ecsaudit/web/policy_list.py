"""The list of policies: a few rows, filtered and counted in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from ecsaudit import engine
from ecsaudit.compliance.frameworks import keys_of
from ecsaudit.library.effective import Effective
from ecsaudit.policies.catching import Catchers
from ecsaudit.policies.coverage import coverage
from ecsaudit.policies.facts import Facts
from ecsaudit.policies.models import Policy
from ecsaudit.policies.terms import Terms
from ecsaudit.web.control_filter import CONTROL_WORDS, FRAMEWORK_WORDS
from ecsaudit.web.exports import Column, attribute, column
from ecsaudit.web.filters import Dimension, Spec
from ecsaudit.web.policy_words import rules_in_words, scope_in_words, severity_in_words, throttle_in_words

STATES = {"on": "On", "off": "Off"}
LEADS = {"yes": "Has channels", "no": "Has none yet"}
SPEC = Spec(
    time="",
    dimensions=(
        Dimension("state", "", "State", STATES),
        Dimension("leads", "", "Channels", LEADS),
        Dimension("channel", "", "Channel"),
        Dimension("framework", "", "Framework of its rules", FRAMEWORK_WORDS),
        Dimension("control", "", "Control of its rules", CONTROL_WORDS),
        Dimension("rule", "", "Rule"),
    ),
    exact=(),
    text=(),
)
# Dimensions that have a facet; the others come by links.
FACETS = ("state", "leads", "channel", "framework")


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy with what its row and its filters tell. `matches` of the newest findings are None until counted."""

    policy: Policy
    terms: Terms
    channels: Sequence[str]
    rules: Sequence[engine.Rule]

    @property
    def state(self) -> str:
        return "on" if self.policy.enabled else "off"

    @property
    def leads(self) -> str:
        return "yes" if self.channels else "no"

    @property
    def rules_words(self) -> str:
        return rules_in_words(self.terms.selection)

    @property
    def rules_address(self) -> str:
        return f"{reverse('library')}?{urlencode({'policy': self.policy.name})}"

    @property
    def scope_words(self) -> str:
        return scope_in_words(self.terms)

    @property
    def throttle_words(self) -> str:
        return throttle_in_words(self.terms)

    @property
    def severity_words(self) -> str:
        return severity_in_words(self.terms)

    @property
    def channel_links(self) -> list[tuple[str, str]]:
        """(name, address of the policies that lead there)."""
        base = reverse("policies")
        return [(name, f"{base}?{urlencode({'channel': name})}") for name in self.channels]

    def values(self, dimension: str) -> Sequence[str]:
        """What the policy has in a dimension of the filter."""
        if dimension == "channel":
            return self.channels
        if dimension == "rule":
            return [rule.name for rule in self.rules]
        if dimension in ("framework", "control"):
            keys = {key for rule in self.rules for key in keys_of(rule.tags)}
            return sorted(key for key in keys if (":" in key) is (dimension == "control"))
        return [str(getattr(self, dimension))]

    def holds(self, text: str) -> bool:
        """Whether a text stands in what somebody would search."""
        where = (self.policy.name, self.policy.description, self.policy.owner, self.rules_words, self.scope_words)
        return any(text.casefold() in each.casefold() for each in (*where, *self.channels))


# What each would have caught is a forecast, for the pages.
EXPORT = (
    attribute("id", "policy.pk"),
    *(attribute(name, f"policy.{name}") for name in ("position", "name", "description", "enabled", "owner")),
    *(attribute(name, f"policy.{name}") for name in ("rules", "tags", "controls")),
    Column("priority", lambda row: row.policy.get_priority_display()),
    attribute("scope", "policy.scope"),
    Column("hours", lambda row: str(row.terms.hours) if row.terms.hours else None),
    *(attribute(name, f"policy.{name}") for name in ("severity", "throttle_minutes", "grouping", "runbook_url")),
    attribute("channels"),
    Column("rules_in_force", lambda row: [rule.name for rule in row.rules]),
    *(attribute(name, f"policy.{name}") for name in ("revision", "created_at", "updated_at")),
)
VERSION_EXPORT = (
    column("id", "pk"),
    *map(column, ("at", "name", "revision", "action")),
    column("by", "by__username"),
    *map(column, ("before", "after", "reason")),
    column("policy", "policy_id"),
)


def rows(policies: Iterable[Policy], effective: Effective | None) -> list[PolicyRow]:
    """Of policies whose channels are prefetched, in their order. Without any good rule set they are about no rule."""
    found = []
    for policy in policies:
        terms = policy.terms()
        names = [channel.name for channel in policy.channels.all()]
        found.append(PolicyRow(policy, terms, names, coverage.rules(terms.selection, effective) if effective else ()))
    return found


def matches(shown: Iterable[PolicyRow], findings: Sequence[Facts]) -> Mapping[int, int]:
    """A policy's id → how many of these findings it catches."""
    catch = Catchers()
    return {row.policy.pk: sum(catch(row.terms, facts) for facts in findings) for row in shown}
