"""What a finding's page tells of it beside its own columns, for the screen and for the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q

from ecsaudit import engine
from ecsaudit.findings import own
from ecsaudit.findings.models import Finding
from ecsaudit.library.effective import as_it_was
from ecsaudit.library.models import RuleSet
from ecsaudit.library.shipped import Runbook
from ecsaudit.library.shipped_content import runbook_of
from ecsaudit.notifications import health
from ecsaudit.replay.models import Hidden
from ecsaudit.web.finding_list import ALL

SIMILAR = 5


@dataclass(frozen=True, slots=True)
class Similar:
    """Findings that have something in common, and the filter of the list that shows them all, as its address has it."""

    words: str
    rows: Sequence[Finding]
    query: str


def steps_for(finding: Finding) -> Runbook | None:
    """What to do about a finding: the shipped rule's runbook, or that of what ecsaudit itself found."""
    if finding.source == own.SOURCE:
        return health.RUNBOOK if finding.rule == health.RULE else None
    return runbook_of(finding.rule)


def steps(runbook: Runbook, done: Sequence[int]) -> list[tuple[str, list[tuple[int, str, bool]]]]:
    """The runbook's two parts, each step with its number and whether it is ticked."""
    numbered = [(number, text, number in done) for number, text in enumerate([*runbook.check, *runbook.do], start=1)]
    return [("Check", numbered[: len(runbook.check)]), ("Do", numbered[len(runbook.check) :])]


def similar(finding: Finding) -> list[Similar]:
    """Other findings that tell more about this one: a few of each kind."""
    group = finding.group
    others = Finding.objects.active().exclude(pk=finding.pk).select_related("group").order_by("-event_time", "-pk")
    kinds = [("Same rule, person and target", Q(group=group), {"group": str(group.pk)})]
    if group.person:
        kinds.append(("Same person", Q(group__person=group.person), {"person": group.person}))
    if group.cluster:
        target = Q(group__cluster=group.cluster, group__target=group.target)
        kinds.append(("Same target", target, {"cluster": group.cluster}))
    kinds.append(("Same rule", Q(rule=finding.rule), {"rule": finding.rule}))
    return [
        Similar(words, list(others.filter(condition)[:SIMILAR]), urlencode(address | ALL | {"days": "3650"}))
        for words, condition, address in kinds
    ]


def rule_of(finding: Finding, rule_set: RuleSet | None) -> engine.Rule | None:
    """The rule as it stood in a rule set; None where none is kept or it lacks the rule."""
    if rule_set is None:
        return None
    return next((rule for rule in as_it_was(*rule_set.key).rules if rule.name == finding.rule), None)


def explained(finding: Finding, rule_set: RuleSet | None) -> dict[str, Any] | None:
    """Why the rule matched, or didn't, by the very rule set that judged."""
    rule = rule_of(finding, rule_set)
    return None if rule is None or finding.event is None else engine.explain(rule, finding.event.raw_text).as_dict()


def hidden_by(finding: Finding) -> Sequence[Hidden]:
    """The exceptions because of which the finding is archived, the oldest first."""
    if not finding.is_archived:
        return []
    return list(Hidden.objects.select_related("exception").filter(finding=finding).order_by("exception"))
